//! The check that the engine can work with the server.

use mongodb::bson::{Document, doc};

use super::collection::Store;
use crate::base::error::{Error, ErrorKind, Result};

/// The oldest supported server: wire version 17 is MongoDB 6.0.
const OLDEST_WIRE_VERSION: i32 = 17;

/// Refuses, in one sentence, a server that is too old or that lacks a requested feature.
pub(crate) async fn check(store: &Store, needs_change_streams: bool) -> Result<()> {
    let asked = async { Ok(store.database().run_command(doc! { "hello": 1 }).await?) };
    judge(&store.bounded("the server's introduction", asked).await?, needs_change_streams)
}

fn judge(hello: &Document, needs_change_streams: bool) -> Result<()> {
    let wire_version = hello.get_i32("maxWireVersion").unwrap_or(0);
    if wire_version < OLDEST_WIRE_VERSION {
        return Err(Error::new(
            ErrorKind::ServerTooOld,
            format!(
                "durabl needs MongoDB 6.0 or newer; this server speaks wire version {wire_version}, older than 6.0's"
            ),
        ));
    }
    let is_replica_set = hello.contains_key("setName");
    let is_sharded = hello.get_str("msg").is_ok_and(|message| message == "isdbgrid");
    if needs_change_streams && !is_replica_set && !is_sharded {
        return Err(Error::new(
            ErrorKind::NotReplicaSet,
            "useChangeStreams needs a replica set, and this server is a standalone: start it with --replSet, \
             or leave useChangeStreams off and rely on polling",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(hello: &Document, needs_change_streams: bool) -> Option<ErrorKind> {
        judge(hello, needs_change_streams).err().map(|error| error.kind())
    }

    #[test]
    fn a_server_older_than_6_0_is_refused_in_one_sentence() {
        let five = doc! { "maxWireVersion": 13, "setName": "rs" };
        let error = judge(&five, false).expect_err("it is too old");
        assert_eq!(error.kind(), ErrorKind::ServerTooOld);
        assert!(error.to_string().contains("6.0"), "{error}");
        assert!(!error.is_transient(), "it will not grow younger by waiting");
        assert_eq!(refused(&doc! {}, false), Some(ErrorKind::ServerTooOld));
        assert_eq!(refused(&doc! { "maxWireVersion": 17 }, false), None);
    }

    #[test]
    fn only_change_streams_need_a_replica_set() {
        let standalone = doc! { "maxWireVersion": 21 };
        assert_eq!(refused(&standalone, true), Some(ErrorKind::NotReplicaSet));
        assert_eq!(refused(&standalone, false), None);
        assert_eq!(refused(&doc! { "maxWireVersion": 21, "setName": "rs" }, true), None);
        assert_eq!(refused(&doc! { "maxWireVersion": 21, "msg": "isdbgrid" }, true), None);
    }
}
