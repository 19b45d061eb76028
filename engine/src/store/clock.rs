//! The server's clock, seen from here.
//!
//! Inserts can't say "now on the server", so the offset is measured. A `hello` reports the server's time, read at some
//! moment between sending and receiving. That brackets the truth from both sides. A job for now takes the earlier
//! bound, so that it is never in the server's future. A moment that must not come too soon takes the later bound. The
//! process's own clock is used only to notice that it was set or that the machine slept.
//!
//! It is a guess all the same: a server's clock can be set or slewed, and the next primary has another one. A job that
//! must not come late goes by the server's clock as the server reports it at that moment; see
//! [`soonest`](crate::store::soonest).

use std::{
    sync::Mutex,
    time::{Duration, Instant, SystemTime},
};

use mongodb::{Database, bson::doc, options::ServerAddress};

use crate::{
    base::{
        error::{Error, ErrorKind, Result},
        sync::lock,
    },
    connection::primary::Primary,
    job::server_time::ServerTime,
};

/// Time for which a measurement is trusted.
const TRUSTED_FOR: Duration = Duration::from_secs(60);

/// Drift between two clocks: each drifts by some 50 µs a second at worst.
const DRIFT: f64 = 0.000_1;

/// Difference of the monotonic and the wall clock from which a suspended machine is suspected.
const SUSPICIOUS_GAP: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
struct Reading {
    /// The server whose clock it was.
    server: Option<ServerAddress>,
    server_ms: i64,
    sent: Instant,
    received: Instant,
    wall: SystemTime,
}

impl Reading {
    fn is_trusted(&self, now: Instant, wall: SystemTime, primary: Option<&ServerAddress>) -> bool {
        let monotonic = now.duration_since(self.received);
        let by_wall = wall.duration_since(self.wall).unwrap_or(Duration::ZERO);
        let has_moved = monotonic >= TRUSTED_FOR || by_wall.abs_diff(monotonic) >= SUSPICIOUS_GAP;
        !has_moved && self.server.as_ref() == primary
    }

    fn at(&self, now: Instant) -> ServerTime {
        let since = |moment: Instant| now.duration_since(moment).as_millis() as i64;
        let drift = now.duration_since(self.received).mul_f64(DRIFT).as_millis() as i64;
        let earliest_ms = self.server_ms + since(self.received) - drift;
        // `localTime` has lost its fraction of a millisecond, and so have `since` and `drift`.
        ServerTime::between(earliest_ms, self.server_ms + since(self.sent) + drift + 3)
    }
}

/// The measured clock of the primary.
#[derive(Debug, Default)]
pub(crate) struct ServerClock {
    reading: Mutex<Option<Reading>>,
}

impl ServerClock {
    /// The server's present. Asks the server if the last answer is older than a minute, or another server's.
    pub(crate) async fn now(&self, db: &Database, primary: &Primary) -> Result<ServerTime> {
        let asked = primary.last_seen();
        if let Some(time) = self.known(asked.as_ref()) {
            return Ok(time);
        }
        let sent = Instant::now();
        let hello = db.run_command(doc! { "hello": 1 }).await?;
        let received = Instant::now();
        let server_time = hello
            .get_datetime("localTime")
            .map_err(|_| Error::new(ErrorKind::Internal, "the server's hello did not tell its time"))?;
        let reading = Reading {
            // If the primary has changed, this is the one before: the next call then asks again. None had been seen
            // before the first question.
            server: asked.or_else(|| primary.last_seen()),
            server_ms: server_time.timestamp_millis(),
            sent,
            received,
            wall: SystemTime::now(),
        };
        let time = reading.at(received);
        *lock(&self.reading) = Some(reading);
        Ok(time)
    }

    fn known(&self, primary: Option<&ServerAddress>) -> Option<ServerTime> {
        let reading = lock(&self.reading);
        let now = Instant::now();
        let trusted = reading.as_ref().filter(|reading| reading.is_trusted(now, SystemTime::now(), primary));
        trusted.map(|reading| reading.at(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(age: Duration) -> Reading {
        let received = Instant::now().checked_sub(age).expect("the machine has been up that long");
        Reading {
            server: None,
            server_ms: 1_000_000,
            sent: received.checked_sub(Duration::from_millis(5)).expect("as above"),
            received,
            wall: SystemTime::now() - age,
        }
    }

    #[test]
    fn the_bracket_holds_the_round_trip() {
        let reading = reading(Duration::from_secs(1));
        let time = reading.at(reading.received + Duration::from_secs(1));
        assert_eq!(time.earliest().timestamp_millis(), 1_001_000);
        assert_eq!(time.after(10).timestamp_millis(), 1_001_000 + 5 + 3 + 10);
        assert_eq!(time.earliest_ago(Duration::from_micros(500)).timestamp_millis(), 1_000_999);
    }

    #[test]
    fn the_bracket_widens_with_age() {
        let reading = reading(Duration::ZERO);
        let time = reading.at(reading.received + Duration::from_secs(50));
        assert_eq!(time.earliest().timestamp_millis(), 1_050_000 - 5);
        assert_eq!(time.after(0).timestamp_millis(), 1_050_000 + 5 + 5 + 3);
    }

    #[test]
    fn a_reading_is_dropped_when_it_is_old_or_the_machine_slept() {
        let now = Instant::now();
        let wall = SystemTime::now();
        assert!(reading(Duration::from_secs(1)).is_trusted(now, wall, None));
        assert!(!reading(Duration::from_secs(61)).is_trusted(now, wall, None));
        assert!(!reading(Duration::from_secs(1)).is_trusted(now, wall + Duration::from_secs(10), None));
    }

    #[test]
    fn a_reading_is_dropped_when_another_server_is_primary() {
        let address = |port| ServerAddress::Tcp { host: "host".to_owned(), port: Some(port) };
        let reading = Reading { server: Some(address(1)), ..reading(Duration::ZERO) };
        let is_trusted = |port| reading.is_trusted(Instant::now(), SystemTime::now(), Some(&address(port)));
        assert!(is_trusted(1));
        assert!(!is_trusted(2));
    }
}
