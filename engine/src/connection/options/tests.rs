use super::*;

fn to(host: &str) -> ConnectionSettings {
    ConnectionSettings { hosts: vec![host.to_owned()], ..ConnectionSettings::default() }
}

fn from_uri(uri: &str) -> ConnectionSettings {
    ConnectionSettings { uri: Some(uri.to_owned()), ..ConnectionSettings::default() }
}

async fn options(settings: &ConnectionSettings) -> ClientOptions {
    check(settings).expect("it can be honoured");
    let target = target(settings).expect("it can be honoured");
    resolve(target, settings).await.expect("nothing is looked up")
}

fn refused(settings: &ConnectionSettings) -> ConnectionError {
    check(settings).expect_err("it can't be honoured")
}

#[tokio::test]
async fn hosts_of_every_kind_are_carried() {
    let settings = ConnectionSettings {
        hosts: vec!["one:27018".to_owned(), "[::1]:27019".to_owned(), "/tmp/mongodb-27017.sock".to_owned()],
        replica_set: Some("rs0".to_owned()),
        ..ConnectionSettings::default()
    };
    let options = options(&settings).await;
    assert_eq!(options.hosts[0], ServerAddress::Tcp { host: "one".to_owned(), port: Some(27_018) });
    assert_eq!(options.hosts[1], ServerAddress::Tcp { host: "::1".to_owned(), port: Some(27_019) });
    #[cfg(unix)]
    assert_eq!(options.hosts[2], ServerAddress::Unix { path: "/tmp/mongodb-27017.sock".into() });
    assert_eq!(options.repl_set_name.as_deref(), Some("rs0"));
}

#[tokio::test]
async fn pools_times_and_flags_are_carried() {
    let settings = ConnectionSettings {
        max_pool_size: Some(7),
        min_pool_size: Some(2),
        max_connecting: Some(3),
        max_idle_time_ms: Some(45_000),
        connect_timeout_ms: Some(1_500),
        server_selection_timeout_ms: Some(2_500),
        heartbeat_frequency_ms: Some(3_000),
        local_threshold_ms: Some(20),
        app_name: Some("shop".to_owned()),
        retry_reads: Some(false),
        retry_writes: Some(false),
        direct_connection: Some(true),
        server_api_version: Some("1".to_owned()),
        server_api_strict: Some(true),
        ..to("host:1")
    };
    let options = options(&settings).await;
    assert_eq!(
        (options.max_pool_size, options.min_pool_size, options.max_connecting),
        (Some(7), Some(2), Some(3))
    );
    assert_eq!(options.max_idle_time, Some(Duration::from_secs(45)));
    assert_eq!(options.connect_timeout, Some(Duration::from_millis(1_500)));
    assert_eq!(options.server_selection_timeout, Some(Duration::from_millis(2_500)));
    assert_eq!(options.heartbeat_freq, Some(Duration::from_secs(3)));
    assert_eq!(options.local_threshold, Some(Duration::from_millis(20)));
    assert_eq!(options.app_name.as_deref(), Some("shop"));
    assert_eq!((options.retry_reads, options.retry_writes), (Some(false), Some(false)));
    assert_eq!(options.direct_connection, Some(true));
    let api = options.server_api.expect("there is one");
    assert_eq!((api.version, api.strict, api.deprecation_errors), (ServerApiVersion::V1, Some(true), None));
    assert_eq!(options.driver_info.expect("it says who we are").name, "durabl");
}

#[tokio::test]
async fn zero_means_what_it_means_to_the_app() {
    let settings = ConnectionSettings {
        max_pool_size: Some(0),
        server_selection_timeout_ms: Some(0),
        heartbeat_frequency_ms: Some(50),
        ..to("host")
    };
    let options = options(&settings).await;
    assert_eq!(options.max_pool_size, Some(u32::MAX));
    assert_eq!(options.server_selection_timeout, None);
    assert_eq!(options.heartbeat_freq, Some(Duration::from_millis(SHORTEST_HEARTBEAT_MS)));
}

#[tokio::test]
async fn compressors_keep_their_order_and_level() {
    let settings = ConnectionSettings {
        compressors: ["zstd", "zlib", "snappy"].map(str::to_owned).to_vec(),
        zlib_compression_level: Some(6),
        ..to("host")
    };
    let expected =
        vec![Compressor::Zstd { level: None }, Compressor::Zlib { level: Some(6) }, Compressor::Snappy];
    assert_eq!(options(&settings).await.compressors, Some(expected));
}

#[tokio::test]
async fn a_proxy_is_carried_with_its_credentials() {
    let settings = ConnectionSettings {
        proxy_host: Some("proxy".to_owned()),
        proxy_port: Some(1_081),
        proxy_username: Some("me".to_owned()),
        proxy_password: Some("pw".to_owned()),
        ..to("host")
    };
    let proxy = options(&settings).await.socks5_proxy.expect("there is one");
    assert_eq!((proxy.host.as_str(), proxy.port), ("proxy", Some(1_081)));
    assert_eq!(proxy.authentication, Some(("me".to_owned(), "pw".to_owned())));
    assert_eq!(refused(&ConnectionSettings { proxy_password: None, ..settings }).option, "proxyUsername");
}

#[tokio::test]
async fn a_connection_string_stands_for_itself_and_yields_to_fields() {
    let uri = "mongodb://me:p%40ss@one,two:2/db?replicaSet=rs0&maxPoolSize=5&socketTimeoutMS=45000&w=2";
    let settings = ConnectionSettings { max_pool_size: Some(9), ..from_uri(uri) };
    let options = options(&settings).await;
    assert_eq!(options.hosts.len(), 2);
    assert_eq!(options.repl_set_name.as_deref(), Some("rs0"));
    assert_eq!(options.max_pool_size, Some(9));
    let credential = options.credential.expect("there is one");
    assert_eq!(credential.password.as_deref(), Some("p@ss"));
    assert_eq!(credential.source.as_deref(), Some("db"));
}

#[test]
fn an_srv_record_is_named_not_looked_up() {
    let settings = ConnectionSettings {
        srv_host: Some("cluster.example.com".to_owned()),
        srv_service_name: Some("customname".to_owned()),
        srv_max_hosts: Some(3),
        tls: true,
        ..to("ignored:1")
    };
    check(&settings).expect("it can be honoured");
    let srv = target(&settings).expect("it can be honoured");
    assert_eq!(srv.host_info, HostInfo::DnsRecord("cluster.example.com".to_owned()));
    assert_eq!(srv.srv_service_name.as_deref(), Some("customname"));
    assert_eq!(srv.srv_max_hosts, Some(3));
    let uri = target(&from_uri("mongodb+srv://cluster.example.com/")).expect("it can be honoured");
    assert_eq!(uri.host_info, HostInfo::DnsRecord("cluster.example.com".to_owned()));
}

#[test]
fn an_option_that_cannot_be_honoured_is_refused_by_name() {
    assert_eq!(refused(&ConnectionSettings::default()).option, "hosts");
    assert_eq!(refused(&to("host:notaport")).option, "hosts");
    let brotli = ConnectionSettings { compressors: vec!["brotli".to_owned()], ..to("host") };
    assert_eq!(refused(&brotli).option, "compressors");
    let api = ConnectionSettings { server_api_version: Some("2".to_owned()), ..to("host") };
    assert_eq!(refused(&api).option, "serverApi");
    let direct_to_two = ConnectionSettings {
        hosts: vec!["one".to_owned(), "two".to_owned()],
        direct_connection: Some(true),
        ..ConnectionSettings::default()
    };
    assert!(refused(&direct_to_two).message.contains("directConnection"));
    assert_eq!(refused(&from_uri("postgres://host")).option, "uri");
    assert!(refused(&from_uri("mongodb://host/?maxPoolSizes=5")).message.contains("maxpoolsize"));
}

#[test]
fn no_refusal_quotes_a_secret() {
    for uri in [
        "mongodb://me:s3c/ret@host/",
        "mongodb://me:ab?s3cret@host/",
        "mongodb://me:ab&s3cret@host/?x",
        "mongodb://me:ab:s3cret@host",
        "mongodb://me:%s3cret@host",
        "mongodb://me:%es3cret@host",
        "mongodb://me:s3cret%eé@host",
        "mongodb://me:s3crethost",
        "mongodb://me:s3cret127.0.0.1:27017/db",
        "mongodb://[me:s3cret@host/db",
        "mongodb://host/?proxyHost=h&proxyUsername=u&proxyPassword=a&s3cret",
        "mongodb://host/?authMechanism=MONGODB-AWS&authMechanismProperties=AWS_SESSION_TOKEN:a,s3cret",
    ] {
        let error = refused(&from_uri(uri));
        assert_eq!(error.option, "uri");
        assert!(!error.to_string().contains("s3c"), "{error}");
    }
}
