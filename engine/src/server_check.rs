//! Whether the server is one we can work with.

use mongodb::bson::doc;

use crate::{
    error::{Error, ErrorKind, Result},
    store::{Store, bounded},
};

/// The oldest supported server: wire version 17 is MongoDB 6.0.
const OLDEST_WIRE_VERSION: i32 = 17;

/// Refuses, in one sentence, a server that is too old or that lacks what was asked for.
pub(crate) async fn check(store: &Store, needs_change_streams: bool) -> Result<()> {
    let asked = async { Ok(store.database().run_command(doc! { "hello": 1 }).await?) };
    let hello = bounded("the server's introduction", asked).await?;
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
