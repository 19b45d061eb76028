//! A panic in each task, at each place where it waits: no job and no verdict is lost, and the log says so once.

mod world;

use std::time::Duration;

use mongodb::bson::{doc, rawdoc};

use self::world::{VISIBILITY, World, by_hand, keyed, new_job};
use crate::{
    base::error::ErrorKind,
    job::{document::NewJob, journal::NewStep, status::DedupeScope, verdict::Verdict},
    report::tasks::{Task, planted},
    verbs::journal::drafted::{Append, Appended},
};

/// The last wait of a task that is tried, from its beginning.
const MOST_POLLS: u32 = 8;

/// Has the task do something, with a panic planted in it.
async fn work(world: &mut World, task: Task) {
    world.start().await;
    // Several at once, so that claims are made in batches.
    world.enqueue(vec![new_job(); 12]).await;
    match task {
        Task::Timers => world.enqueue(vec![NewJob { delay_ms: 100, ..new_job() }]).await,
        Task::Stream => {
            world.jobs.insert_one(by_hand("by hand", "pending")).await.expect("it can be written");
        }
        Task::Sweeps => {
            let mut stuck = by_hand("stuck", "active");
            stuck.extend(doc! { "claimToken": "of a dead worker", "claimedAt": stuck.get("runAt") });
            stuck.insert("attempt", 1);
            world.jobs.insert_one(stuck).await.expect("it can be written");
        }
        Task::Cancellations => {
            let long = world.next().await;
            world.engine.cancel(std::slice::from_ref(&long.job), None).await.expect("the server answers");
            tokio::time::sleep(Duration::from_millis(200)).await;
            world.finish(&long, Verdict::Complete);
        }
        Task::Renewals => {
            let long = world.next().await;
            tokio::time::sleep(VISIBILITY).await;
            world.finish(&long, Verdict::Complete);
        }
        Task::Resumption => {
            let run = world.next().await;
            let is_held = world.engine.suspend(run.id, VISIBILITY).await.expect("the server answers");
            assert!(is_held);
            // The call tries again, and so does the engine by itself.
            let fail = doc! {
                "configureFailPoint": "failCommand", "mode": { "times": 3 },
                "data": { "failCommands": ["update"], "appName": &world.app_name, "errorCode": 262 },
            };
            world.client.database("admin").run_command(fail).await.expect("test commands are enabled");
            let resumed = world.engine.resume(run.id, &run.job, "unknown").await;
            assert_eq!(resumed.expect("the server answers"), None, "the lease is held");
            tokio::time::sleep(VISIBILITY).await;
            world.finish(&run, Verdict::Complete);
        }
        Task::Records | Task::RecordBatch => {
            let run = world.next().await;
            let value = rawdoc! { "result": 1 };
            let step = NewStep { path: None, seq: 0, name: "s".to_owned(), kind: None, value };
            let append = || Append {
                id: run.job.clone(),
                token: run.token.clone(),
                step: step.clone(),
                limit: 1_000,
                may_spill: false,
            };
            let mut appended = world.engine.append_step(append()).await;
            if let Err(error) = &appended {
                // As an app does after an error: the step runs again.
                assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
                appended = world.engine.append_step(append()).await;
            }
            assert!(matches!(appended, Ok(Appended::Appended | Appended::Recorded(_))), "{appended:?}");
            assert_eq!(world.engine.read_steps(&run.job).await.map(|steps| steps.len()), Ok(1));
            world.finish(&run, Verdict::Complete);
        }
        Task::NewJobsHeldUp => {
            let mut session = world.holding("k", "pending+active").await;
            let engine = world.engine.clone();
            let enqueued =
                tokio::spawn(async move { engine.enqueue(keyed(DedupeScope::PendingAndActive)).await });
            tokio::time::sleep(Duration::from_millis(1_300)).await;
            session.abort_transaction().await.expect("it is aborted");
            match enqueued.await.expect("it ends") {
                Ok(id) => assert!(id.is_some()),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Internal, "{error}"),
            }
        }
        Task::VerdictAlone => {
            world.run_all().await;
            world.enqueue(vec![keyed(DedupeScope::Pending)]).await;
            let run = world.next().await;
            let mut session = world.holding("k", "pending").await;
            world.finish(&run, Verdict::Release);
            tokio::time::sleep(Duration::from_millis(1_300)).await;
            session.abort_transaction().await.expect("it is aborted");
        }
        Task::NewJobs
        | Task::Verdicts
        | Task::VerdictBatch
        | Task::Processor
        | Task::Arrival
        | Task::Upkeep
        | Task::Retention => {}
        Task::Schedules => world.fire_a_schedule().await,
    }
}

/// Plants a panic at each wait of the task in turn, until it has no more of them.
async fn survives(task: Task) {
    for polls in 0..MOST_POLLS {
        let mut world = World::new().await;
        planted::plant(task, polls);
        work(&mut world, task).await;
        world.run_all().await;
        let was_planted = !planted::is_left();
        // Work after the panic is done as well.
        world.enqueue(vec![new_job(); 2]).await;
        world.run_all().await;
        for (job, attempt) in &world.attempts {
            let expected = if job == "stuck" { 2 } else { 1 };
            assert_eq!(*attempt, expected, "{task:?}, poll {polls}: {job}");
        }
        world.end(task, was_planted).await;
        assert!(was_planted || polls > 0, "{task:?} was never begun");
        if !was_planted {
            return;
        }
    }
}

macro_rules! survived {
    ($($name:ident: $task:ident,)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                survives(Task::$task).await;
            }
        )*

        #[test]
        fn every_task_is_tried() {
            assert_eq!([$(Task::$task),*].len(), Task::ALL.len());
        }
    };
}

survived! {
    the_writer_of_new_jobs_goes_on_after_a_panic: NewJobs,
    a_call_whose_key_was_held_up_hears_of_a_panic: NewJobsHeldUp,
    verdicts_that_wait_outlast_a_panic: Verdicts,
    verdicts_on_their_way_are_written_after_a_panic: VerdictBatch,
    a_verdict_that_was_held_up_is_written_after_a_panic: VerdictAlone,
    step_records_that_wait_outlast_a_panic: Records,
    a_step_hears_of_a_panic_in_the_write_of_its_record: RecordBatch,
    leases_are_renewed_after_a_panic: Renewals,
    a_lease_is_renewed_after_its_transaction_and_a_panic: Resumption,
    cancellations_are_heard_of_after_a_panic: Cancellations,
    delayed_jobs_start_after_a_panic: Timers,
    jobs_of_others_start_after_a_panic: Stream,
    a_processor_forgets_no_claim_in_a_panic: Processor,
    claimed_jobs_arrive_after_a_panic: Arrival,
    sweeps_go_on_after_a_panic: Sweeps,
    schedules_fire_after_a_panic: Schedules,
    processors_claim_after_a_panic_of_the_upkeep: Upkeep,
    nothing_else_ends_with_a_panic_of_the_retention: Retention,
}
