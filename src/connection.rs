//! The connection as JavaScript hands it over.

use std::collections::{BTreeMap, HashMap};

use durabl_engine::connection::{ConnectionSettings, WriteAcknowledgment};
use napi::bindgen_prelude::{Buffer, Either};
use napi_derive::napi;

/// The connection as plain data. Milliseconds, bytes and names as the MongoDB drivers specify them. If `uri` is there,
/// the other fields override it if they are not null. It has no `Debug` form: it holds credentials.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeConnection {
    pub uri: Option<String>,
    pub hosts: Vec<String>,
    pub srv_host: Option<String>,
    pub srv_service_name: Option<String>,
    pub srv_max_hosts: Option<u32>,
    pub replica_set: Option<String>,
    pub direct_connection: Option<bool>,
    pub load_balanced: Option<bool>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub auth_source: Option<String>,
    pub auth_mechanism: Option<String>,
    pub aws_session_token: Option<String>,
    pub tls: bool,
    pub tls_ca_file: Option<String>,
    pub tls_ca: Option<Buffer>,
    pub tls_certificate_key_file: Option<String>,
    pub tls_certificate_key: Option<Buffer>,
    pub tls_certificate_key_password: Option<String>,
    pub tls_allow_invalid_certificates: bool,
    pub tls_allow_invalid_hostnames: bool,
    pub compressors: Vec<String>,
    pub zlib_compression_level: Option<i32>,
    pub max_pool_size: Option<u32>,
    pub min_pool_size: Option<u32>,
    pub max_connecting: Option<u32>,
    pub max_idle_time_ms: Option<f64>,
    pub connect_timeout_ms: Option<f64>,
    pub server_selection_timeout_ms: Option<f64>,
    pub socket_timeout_ms: Option<f64>,
    pub heartbeat_frequency_ms: Option<f64>,
    pub local_threshold_ms: Option<f64>,
    pub app_name: Option<String>,
    pub read_concern_level: Option<String>,
    pub write_concern_w: Option<Either<String, u32>>,
    pub write_concern_journal: Option<bool>,
    pub write_concern_timeout_ms: Option<f64>,
    pub read_preference_mode: Option<String>,
    pub read_preference_tags: Option<Vec<HashMap<String, String>>>,
    pub max_staleness_seconds: Option<f64>,
    pub retry_reads: Option<bool>,
    pub retry_writes: Option<bool>,
    pub server_api_version: Option<String>,
    pub server_api_strict: Option<bool>,
    pub server_api_deprecation_errors: Option<bool>,
    pub proxy_host: Option<String>,
    pub proxy_port: Option<u16>,
    pub proxy_username: Option<String>,
    pub proxy_password: Option<String>,
}

impl From<NativeConnection> for ConnectionSettings {
    fn from(native: NativeConnection) -> Self {
        Self {
            uri: native.uri,
            hosts: native.hosts,
            srv_host: native.srv_host,
            srv_service_name: native.srv_service_name,
            srv_max_hosts: native.srv_max_hosts,
            replica_set: native.replica_set,
            direct_connection: native.direct_connection,
            load_balanced: native.load_balanced,
            username: native.username,
            password: native.password,
            auth_source: native.auth_source,
            auth_mechanism: native.auth_mechanism,
            aws_session_token: native.aws_session_token,
            tls: native.tls,
            tls_ca_file: native.tls_ca_file,
            tls_ca: native.tls_ca.map(Into::into),
            tls_certificate_key_file: native.tls_certificate_key_file,
            tls_certificate_key: native.tls_certificate_key.map(Into::into),
            tls_certificate_key_password: native.tls_certificate_key_password,
            tls_allow_invalid_certificates: native.tls_allow_invalid_certificates,
            tls_allow_invalid_hostnames: native.tls_allow_invalid_hostnames,
            compressors: native.compressors,
            zlib_compression_level: native.zlib_compression_level,
            max_pool_size: native.max_pool_size,
            min_pool_size: native.min_pool_size,
            max_connecting: native.max_connecting,
            max_idle_time_ms: whole(native.max_idle_time_ms),
            connect_timeout_ms: whole(native.connect_timeout_ms),
            server_selection_timeout_ms: whole(native.server_selection_timeout_ms),
            socket_timeout_ms: whole(native.socket_timeout_ms),
            heartbeat_frequency_ms: whole(native.heartbeat_frequency_ms),
            local_threshold_ms: whole(native.local_threshold_ms),
            app_name: native.app_name,
            read_concern_level: native.read_concern_level,
            write_concern_w: native.write_concern_w.map(acknowledgment),
            write_concern_journal: native.write_concern_journal,
            write_concern_timeout_ms: whole(native.write_concern_timeout_ms),
            read_preference_mode: native.read_preference_mode,
            read_preference_tags: native.read_preference_tags.map(sorted),
            max_staleness_seconds: whole(native.max_staleness_seconds),
            retry_reads: native.retry_reads,
            retry_writes: native.retry_writes,
            server_api_version: native.server_api_version,
            server_api_strict: native.server_api_strict,
            server_api_deprecation_errors: native.server_api_deprecation_errors,
            proxy_host: native.proxy_host,
            proxy_port: native.proxy_port,
            proxy_username: native.proxy_username,
            proxy_password: native.proxy_password,
        }
    }
}

/// Every number of JavaScript is a double; one that is negative or not a number becomes 0.
fn whole(value: Option<f64>) -> Option<u64> {
    value.map(|number| number as u64)
}

fn acknowledgment(w: Either<String, u32>) -> WriteAcknowledgment {
    match w {
        Either::A(mode) => WriteAcknowledgment::Mode(mode),
        Either::B(nodes) => WriteAcknowledgment::Nodes(nodes),
    }
}

fn sorted(sets: Vec<HashMap<String, String>>) -> Vec<BTreeMap<String, String>> {
    sets.into_iter().map(|set| set.into_iter().collect()).collect()
}
