//! A connection as plain data.

use std::{collections::BTreeMap, fmt};

/// The number of members that must have a write before it is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteAcknowledgment {
    /// This many members. Zero is refused: an unacknowledged write can be lost.
    Nodes(u32),
    /// `majority`, or a mode that the replica set's configuration defines.
    Mode(String),
}

/// A connection, as plain data. Names and meanings are those of the drivers' specifications; absent means the driver's
/// default. Times are milliseconds.
///
/// Its `Debug` form shows no credential.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// A whole connection string. The other fields override it if they are present.
    pub uri: Option<String>,
    /// `host:port`, `[ipv6]:port`, or the path of a Unix socket, which begins with `/`.
    pub hosts: Vec<String>,
    /// The name of an SRV record; then `hosts` is ignored.
    pub srv_host: Option<String>,
    /// Service name of the SRV record; `mongodb` by default.
    pub srv_service_name: Option<String>,
    /// The number of the SRV record's hosts to use; 0 for all.
    pub srv_max_hosts: Option<u32>,
    /// The replica set's name.
    pub replica_set: Option<String>,
    /// Talk to the one given host only.
    pub direct_connection: Option<bool>,
    /// The server is behind a load balancer.
    pub load_balanced: Option<bool>,
    /// User, or AWS access key.
    pub username: Option<String>,
    /// Password, or AWS secret key.
    pub password: Option<String>,
    /// The database that knows the user.
    pub auth_source: Option<String>,
    /// `SCRAM-SHA-1`, `SCRAM-SHA-256`, `MONGODB-X509`, `MONGODB-AWS` or `PLAIN`; absent to negotiate.
    pub auth_mechanism: Option<String>,
    /// With `MONGODB-AWS` and temporary keys.
    pub aws_session_token: Option<String>,
    /// True to use TLS. With `uri`, false leaves the choice to the connection string.
    pub tls: bool,
    /// Certificates to trust, as a PEM file. Without any: Mozilla's list.
    pub tls_ca_file: Option<String>,
    /// Certificates to trust, as PEM text. Wins over `tls_ca_file`.
    pub tls_ca: Option<Vec<u8>>,
    /// The client's certificate and key in one PEM file.
    pub tls_certificate_key_file: Option<String>,
    /// The client's certificate and key as PEM text. Wins over `tls_certificate_key_file`.
    pub tls_certificate_key: Option<Vec<u8>>,
    /// Opens an encrypted key.
    pub tls_certificate_key_password: Option<String>,
    /// Accept any server certificate, for any name.
    pub tls_allow_invalid_certificates: bool,
    /// Accept a valid certificate for another name. The driver can't; refused unless any certificate is accepted.
    pub tls_allow_invalid_hostnames: bool,
    /// `zstd`, `zlib`, `snappy`, in order of preference.
    pub compressors: Vec<String>,
    /// 0 to 9; -1 for the library's default.
    pub zlib_compression_level: Option<i32>,
    /// Most connections to one server; 0 for no bound.
    pub max_pool_size: Option<u32>,
    /// Connections to keep open to one server.
    pub min_pool_size: Option<u32>,
    /// The most connections that may be in the making at once.
    pub max_connecting: Option<u32>,
    /// Time after which an idle connection is closed; 0 for never.
    pub max_idle_time_ms: Option<u64>,
    /// Time that a connection may take to be made; 0 for no bound.
    pub connect_timeout_ms: Option<u64>,
    /// Time to look for a suitable server; 0 for the default.
    pub server_selection_timeout_ms: Option<u64>,
    /// Accepted and not used: every operation of the engine has a bound of its own.
    pub socket_timeout_ms: Option<u64>,
    /// Time between two checks of the servers.
    pub heartbeat_frequency_ms: Option<u64>,
    /// The most by which a server may be slower than the nearest one.
    pub local_threshold_ms: Option<u64>,
    /// Shown in the server's log and in `currentOp`.
    pub app_name: Option<String>,
    /// Default read concern.
    pub read_concern_level: Option<String>,
    /// `w` of the write concern.
    pub write_concern_w: Option<WriteAcknowledgment>,
    /// `j` of the write concern.
    pub write_concern_journal: Option<bool>,
    /// `wtimeoutMS` of the write concern; 0 for no bound.
    pub write_concern_timeout_ms: Option<u64>,
    /// `primary`, `primaryPreferred`, `secondary`, `secondaryPreferred` or `nearest`.
    pub read_preference_mode: Option<String>,
    /// Tag sets, in order of preference.
    pub read_preference_tags: Option<Vec<BTreeMap<String, String>>>,
    /// The most by which a secondary may lag, in seconds.
    pub max_staleness_seconds: Option<u64>,
    /// Retry reads once.
    pub retry_reads: Option<bool>,
    /// Retry writes once.
    pub retry_writes: Option<bool>,
    /// The stable API's version.
    pub server_api_version: Option<String>,
    /// Refuse commands that are not in the stable API.
    pub server_api_strict: Option<bool>,
    /// Refuse commands that the stable API deprecates.
    pub server_api_deprecation_errors: Option<bool>,
    /// SOCKS5 proxy.
    pub proxy_host: Option<String>,
    /// Port of the proxy; 1080 by default.
    pub proxy_port: Option<u16>,
    /// User at the proxy.
    pub proxy_username: Option<String>,
    /// Password at the proxy.
    pub proxy_password: Option<String>,
}

/// Shows the servers, never the credentials: a field added later is hidden until it is listed here.
impl fmt::Debug for ConnectionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionSettings")
            .field("uri", &self.uri.as_ref().map(|_| "[hidden]"))
            .field("hosts", &self.hosts)
            .field("srv_host", &self.srv_host)
            .field("replica_set", &self.replica_set)
            .field("direct_connection", &self.direct_connection)
            .field("load_balanced", &self.load_balanced)
            .field("auth_mechanism", &self.auth_mechanism)
            .field("tls", &self.tls)
            .field("app_name", &self.app_name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_credential() {
        let secret = || Some("s3cret".to_owned());
        let settings = ConnectionSettings {
            uri: Some("mongodb://me:s3cret@host/".to_owned()),
            hosts: vec!["host:1".to_owned()],
            username: secret(),
            password: secret(),
            aws_session_token: secret(),
            tls_certificate_key: Some(b"s3cret".to_vec()),
            tls_certificate_key_password: secret(),
            proxy_username: secret(),
            proxy_password: secret(),
            ..ConnectionSettings::default()
        };
        let shown = format!("{settings:?} {settings:#?}");
        assert!(shown.contains("host:1"));
        assert!(!shown.contains("s3cret"));
        assert!(!shown.contains("115, 51, 99"), "bytes are shown as numbers: {shown}");
    }
}
