//! The references that the benchmarks compare the package with, on the same server in the same run. One is the engine
//! without any JavaScript; the other is `MongoDB` itself, driven in batches by a bare loop.
//!
//! ```text
//! reference engine  URI DATABASE SERVER JOBS CONCURRENCY
//! reference mongodb URI DATABASE SERVER JOBS BATCH
//! ```
//! `SERVER` is the process id of the server, on this machine.
//! Either empties a backlog of `JOBS` that the package has made, with all its indexes; so it is the same that the package
//! empties. The measurements go to standard output, as JSON.

mod bare;
mod cpu;
mod engine;

use std::{env, error::Error, process::ExitCode, time::Instant};

use serde_json::json;

/// The type of every job made here.
const JOB_TYPE: &str = "bench";
const COLLECTION: &str = "jobs";

/// Any error: a benchmark leaves it to its reader.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Where the jobs are, and how many.
struct Task {
    uri: String,
    database: String,
    /// Its process id.
    server: u32,
    jobs: usize,
    /// The number at once: of handlers, or of the jobs of a batch.
    width: usize,
}

/// The duration of an action, and its cost for this process and the server.
struct Cost {
    seconds: f64,
    cpu_seconds: f64,
    server_cpu_seconds: f64,
}

impl Cost {
    /// The cost of an action, and its result.
    async fn of<T>(task: &Task, work: impl Future<Output = Outcome<T>>) -> Outcome<(Self, T)> {
        let (cpu, server_cpu) = (cpu::seconds()?, cpu::seconds_of(task.server)?);
        let start = Instant::now();
        let done = work.await?;
        let cost = Self {
            seconds: start.elapsed().as_secs_f64(),
            cpu_seconds: cpu::seconds()? - cpu,
            server_cpu_seconds: cpu::seconds_of(task.server)? - server_cpu,
        };
        Ok((cost, done))
    }
}

/// The measurements.
struct Measured {
    drained: Cost,
    /// Seconds from the start, one for each tenth of the backlog; empty where they are not asked for.
    marks: Vec<f64>,
}

impl Measured {
    fn json(&self) -> serde_json::Value {
        json!({
            "seconds": self.drained.seconds,
            "cpuSeconds": self.drained.cpu_seconds,
            "serverCpuSeconds": self.drained.server_cpu_seconds,
            "marks": self.marks,
        })
    }
}

async fn measure() -> Outcome<Measured> {
    let mut words = env::args().skip(1);
    let mut word = |name: &str| words.next().ok_or_else(|| format!("{name} is missing"));
    let what = word("what to measure")?;
    let task = Task {
        uri: word("the connection string")?,
        database: word("the database")?,
        server: word("the server's process id")?.parse()?,
        jobs: word("the number of jobs")?.parse()?,
        width: word("the concurrency or batch size")?.parse()?,
    };
    match what.as_str() {
        "engine" => engine::measure(&task).await,
        "mongodb" => bare::measure(&task).await,
        other => Err(format!("there is no {other}: engine or mongodb").into()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure().await {
        Ok(measured) => {
            println!("{}", measured.json());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
