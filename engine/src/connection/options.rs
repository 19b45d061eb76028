//! Conversion of settings into the driver's options.

use std::{str::FromStr, time::Duration};

use futures_util::FutureExt;
use mongodb::options::{
    ClientOptions, Compressor, ConnectionString, DriverInfo, HostInfo, ServerAddress, ServerApi,
    ServerApiVersion, Socks5Proxy,
};

use super::{
    credential,
    error::ConnectionError,
    reading,
    settings::ConnectionSettings,
    tls,
    uri::{parse, plain},
};

/// The driver looks after a server no oftener than this, and refuses to be asked to.
const SHORTEST_HEARTBEAT_MS: u64 = 500;

/// Refuses settings that can't be honoured. Opens no connection and writes nothing.
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
) -> Result<ClientOptions, crate::base::error::Error> {
    let mut options = ClientOptions::parse(target).await?;
    if let Some(api) = server_api(settings)? {
        options.server_api = Some(api);
    }
    let info =
        DriverInfo::builder().name("durabl".to_owned()).version(env!("CARGO_PKG_VERSION").to_owned()).build();
    options.driver_info = Some(info);
    Ok(options)
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

pub(super) fn address(host: &str) -> Result<ServerAddress, ConnectionError> {
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
