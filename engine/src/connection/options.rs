//! From settings to the driver's options.

use std::{str::FromStr, time::Duration};

use futures_util::FutureExt;
use mongodb::{
    error::ErrorKind,
    options::{
        ClientOptions, Compressor, ConnectionString, DriverInfo, HostInfo, ServerAddress, ServerApi,
        ServerApiVersion, Socks5Proxy,
    },
};

use super::{ConnectionError, ConnectionSettings, credential, reading, tls};

/// The driver looks after a server no oftener than this, and refuses to be asked to.
const SHORTEST_HEARTBEAT_MS: u64 = 500;

/// Refuses what can't be honoured. Opens no connection and writes nothing.
pub(super) fn check(settings: &ConnectionSettings) -> Result<(), ConnectionError> {
    tls::check(settings)?;
    server_api(settings)?;
    let target = target(settings)?;
    if matches!(target.host_info, HostInfo::DnsRecord(_)) {
        return Ok(());
    }
    // Without a name to look up there is nothing to wait for.
    match ClientOptions::parse(target).into_future().now_or_never() {
        Some(Err(error)) => {
            let option = if settings.uri.is_some() { "uri" } else { "combination" };
            Err(ConnectionError::new(option, format!("is not possible: {}", plain(&error.kind))))
        }
        Some(Ok(_)) | None => Ok(()),
    }
}

/// Everything but TLS and the look-up of an SRV record.
pub(super) fn target(settings: &ConnectionSettings) -> Result<ConnectionString, ConnectionError> {
    let mut target = match &settings.uri {
        Some(uri) => parse(uri)?,
        None => ConnectionString::default(),
    };
    hosts(&mut target, settings)?;
    credential::apply(&mut target, settings)?;
    reading::apply(&mut target, settings)?;
    pool_and_times(&mut target, settings);
    compressors(&mut target, settings)?;
    proxy(&mut target, settings)?;
    Ok(target)
}

/// The driver's options. Looks up the SRV record, if there is one.
pub(super) async fn resolve(
    target: ConnectionString,
    settings: &ConnectionSettings,
) -> Result<ClientOptions, crate::error::Error> {
    let mut options = ClientOptions::parse(target).await?;
    if let Some(api) = server_api(settings)? {
        options.server_api = Some(api);
    }
    let info =
        DriverInfo::builder().name("durabl".to_owned()).version(env!("CARGO_PKG_VERSION").to_owned()).build();
    options.driver_info = Some(info);
    Ok(options)
}

/// A connection string, as the driver reads it. The only way to it: what it breaks down over is refused first.
pub(super) fn parse(uri: &str) -> Result<ConnectionString, ConnectionError> {
    let refused =
        |why: String| ConnectionError::new("uri", format!("is not a valid connection string: {why}"));
    // A reserved character in a password moves the borders of what follows, and messages quote what follows.
    let after_scheme = uri.split_once("://").map_or("", |(_, rest)| rest);
    let (user_info, _) = after_scheme.rsplit_once('@').unwrap_or_default();
    let is_encoded =
        |part: &str| part.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    if user_info.contains(['/', '?', '#', '[', ']', '@', '&'])
        || user_info.matches(':').count() > 1
        // The driver breaks down over a percent sign before other than ASCII.
        || !user_info.split('%').skip(1).all(is_encoded)
    {
        return Err(refused("user name and password must be percent-encoded".to_owned()));
    }
    let unread = |kind: &ErrorKind| {
        match plain(kind) {
        // A password without its @ is taken for an address, or for a part of one.
        why if why.starts_with("invalid server address") => refused(
            "an address in it can not be read: one is a host, or host:port, and user name and password end with @"
                .to_owned(),
        ),
        why => refused(why),
    }
    };
    ConnectionString::parse(uri).map_err(|error| unread(&error.kind)).map(|mut target| {
        // Refused by the driver, and of no use here: every operation of the engine has a bound of its own.
        #[allow(deprecated)]
        {
            target.socket_timeout = None;
        }
        target
    })
}

/// The driver's message without a frame, and without the few quotes that could hold a secret.
fn plain(kind: &ErrorKind) -> String {
    let message = match kind {
        ErrorKind::InvalidArgument { message, .. } | ErrorKind::InvalidTlsConfig { message, .. } => {
            message.clone()
        }
        other => other.to_string(),
    };
    for quoting in
        ["connection string option is not a 'key=value' pair", "each entry in authMechanismProperties"]
    {
        if message.starts_with(quoting) {
            return format!("{quoting} as it should be");
        }
    }
    message
}

fn hosts(target: &mut ConnectionString, settings: &ConnectionSettings) -> Result<(), ConnectionError> {
    if let Some(name) = &settings.srv_host {
        target.host_info = HostInfo::DnsRecord(name.clone());
        target.srv_service_name = settings.srv_service_name.clone().filter(|service| service != "mongodb");
        target.srv_max_hosts = settings.srv_max_hosts.filter(|hosts| *hosts > 0);
    } else if !settings.hosts.is_empty() {
        let hosts = settings.hosts.iter().map(|host| address(host)).collect::<Result<_, _>>()?;
        target.host_info = HostInfo::HostIdentifiers(hosts);
    } else if settings.uri.is_none() {
        return Err(ConnectionError::new("hosts", "must name at least one server"));
    }
    overlay(&mut target.replica_set, settings.replica_set.as_ref());
    overlay(&mut target.direct_connection, settings.direct_connection.as_ref());
    overlay(&mut target.load_balanced, settings.load_balanced.as_ref());
    overlay(&mut target.app_name, settings.app_name.as_ref());
    Ok(())
}

fn address(host: &str) -> Result<ServerAddress, ConnectionError> {
    if host.starts_with('/') {
        #[cfg(unix)]
        return Ok(ServerAddress::Unix { path: host.into() });
        #[cfg(not(unix))]
        return Err(ConnectionError::new("hosts", format!("({host}): no Unix sockets on this platform")));
    }
    ServerAddress::parse(host).map_err(|error| {
        ConnectionError::new("hosts", format!("({host}) is not an address: {}", plain(&error.kind)))
    })
}

fn overlay<T: Clone>(field: &mut Option<T>, value: Option<&T>) {
    if value.is_some() {
        *field = value.cloned();
    }
}

fn pool_and_times(target: &mut ConnectionString, settings: &ConnectionSettings) {
    let millis = |value: Option<u64>| value.map(Duration::from_millis);
    // 0 asks for no bound, which the driver spells as a large one.
    let max_pool_size = settings.max_pool_size.map(|size| if size == 0 { u32::MAX } else { size });
    overlay(&mut target.max_pool_size, max_pool_size.as_ref());
    overlay(&mut target.min_pool_size, settings.min_pool_size.as_ref());
    overlay(&mut target.max_connecting, settings.max_connecting.as_ref());
    overlay(&mut target.max_idle_time, millis(settings.max_idle_time_ms).as_ref());
    overlay(&mut target.connect_timeout, millis(settings.connect_timeout_ms).as_ref());
    let selection = settings.server_selection_timeout_ms.filter(|ms| *ms > 0);
    overlay(&mut target.server_selection_timeout, millis(selection).as_ref());
    let heartbeat = settings.heartbeat_frequency_ms.map(|ms| ms.max(SHORTEST_HEARTBEAT_MS));
    overlay(&mut target.heartbeat_frequency, millis(heartbeat).as_ref());
    overlay(&mut target.local_threshold, millis(settings.local_threshold_ms).as_ref());
    overlay(&mut target.retry_reads, settings.retry_reads.as_ref());
    overlay(&mut target.retry_writes, settings.retry_writes.as_ref());
}

fn compressors(target: &mut ConnectionString, settings: &ConnectionSettings) -> Result<(), ConnectionError> {
    let mut compressors = Vec::with_capacity(settings.compressors.len());
    for name in &settings.compressors {
        let mut compressor = Compressor::from_str(name).map_err(|_| {
            ConnectionError::new("compressors", format!("({name}) is not supported by the engine"))
        })?;
        if let (Compressor::Zlib { level }, Some(wanted)) = (&mut compressor, settings.zlib_compression_level)
        {
            *level = u32::try_from(wanted).ok();
        }
        compressors.push(compressor);
    }
    if !compressors.is_empty() {
        target.compressors = Some(compressors);
    }
    Ok(())
}

fn server_api(settings: &ConnectionSettings) -> Result<Option<ServerApi>, ConnectionError> {
    let Some(version) = &settings.server_api_version else {
        return Ok(None);
    };
    let version = ServerApiVersion::from_str(version).map_err(|_| {
        ConnectionError::new("serverApi", format!("({version}) is not a version that the engine knows"))
    })?;
    let mut api = ServerApi::builder().version(version).build();
    api.strict = settings.server_api_strict;
    api.deprecation_errors = settings.server_api_deprecation_errors;
    Ok(Some(api))
}

fn proxy(target: &mut ConnectionString, settings: &ConnectionSettings) -> Result<(), ConnectionError> {
    let Some(host) = &settings.proxy_host else {
        return Ok(());
    };
    let mut proxy = Socks5Proxy::builder().host(host.clone()).build();
    proxy.port = settings.proxy_port;
    proxy.authentication = match (&settings.proxy_username, &settings.proxy_password) {
        (Some(username), Some(password)) => Some((username.clone(), password.clone())),
        (None, None) => None,
        _ => {
            return Err(ConnectionError::new(
                "proxyUsername",
                "needs proxyPassword, and the other way round",
            ));
        }
    };
    target.socks5_proxy = Some(proxy);
    Ok(())
}

#[cfg(test)]
mod tests;
