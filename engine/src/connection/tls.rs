//! TLS: the certificates to trust, and the one to show.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::PathBuf,
};

use mongodb::options::{ConnectionString, HostInfo, Tls, TlsOptions};

use super::{error::ConnectionError, secret_file::SecretFile, settings::ConnectionSettings};

/// Refuses settings that can't be honoured, before anything is written or opened.
pub(super) fn check(settings: &ConnectionSettings) -> Result<(), ConnectionError> {
    if settings.tls_allow_invalid_hostnames && !settings.tls_allow_invalid_certificates {
        return Err(ConnectionError::new(
            "tlsAllowInvalidHostnames",
            "can't be honoured: the engine checks the server's name together with its certificate",
        ));
    }
    if !settings.tls && settings.uri.is_none() {
        return Ok(());
    }
    readable("tlsCAFile", settings.tls_ca.as_deref(), settings.tls_ca_file.as_deref())?;
    readable(
        "tlsCertificateKeyFile",
        settings.tls_certificate_key.as_deref(),
        settings.tls_certificate_key_file.as_deref(),
    )
}

/// A missing file would fail later in words that name no option. An empty list of trusted certificates would trust no
/// server.
fn readable(option: &str, in_memory: Option<&[u8]>, path: Option<&str>) -> Result<(), ConnectionError> {
    let text = match (in_memory, path) {
        (Some(text), _) => text.to_vec(),
        (None, Some(path)) => std::fs::read(path)
            .map_err(|error| ConnectionError::new(option, format!("({path}) can't be read: {error}")))?,
        (None, None) => return Ok(()),
    };
    let marker = b"-----BEGIN ";
    if text.windows(marker.len()).any(|window| window == marker) {
        Ok(())
    } else {
        Err(ConnectionError::new(option, "holds no PEM text"))
    }
}

/// Tells one state of the files that the settings name from another. A file that can't be read is as good as none: its
/// user will say so.
pub(super) fn fingerprint(settings: &ConnectionSettings) -> u64 {
    let from_uri = settings.uri.as_deref().and_then(|uri| super::uri::parse(uri).ok());
    let mut paths: Vec<PathBuf> = match from_uri.and_then(|target| target.tls) {
        Some(Tls::Enabled(options)) => {
            options.ca_file_path.into_iter().chain(options.cert_key_file_path).collect()
        }
        _ => Vec::new(),
    };
    let named = settings.tls_ca_file.iter().chain(&settings.tls_certificate_key_file);
    paths.extend(named.map(PathBuf::from));
    let mut hasher = DefaultHasher::new();
    for path in paths {
        std::fs::read(path).ok().hash(&mut hasher);
    }
    hasher.finish()
}

/// Sets the options. The files are read when the client is made: they must live until then.
pub(super) fn apply(
    target: &mut ConnectionString,
    settings: &ConnectionSettings,
) -> Result<Vec<SecretFile>, ConnectionError> {
    if !settings.tls {
        if settings.uri.is_none() {
            target.tls = Some(Tls::Disabled);
            return Ok(Vec::new());
        }
        if !trusts_what_the_process_does(target) {
            return Ok(Vec::new());
        }
    }
    let mut options = match target.tls.take() {
        Some(Tls::Enabled(options)) => options,
        _ => TlsOptions::default(),
    };
    let mut files = Vec::new();
    if let Some(path) = path_of(settings.tls_ca.as_deref(), settings.tls_ca_file.as_deref(), &mut files)
        .map_err(|error| unwritable("ca", &error))?
    {
        options.ca_file_path = Some(path);
    }
    if let Some(path) = path_of(
        settings.tls_certificate_key.as_deref(),
        settings.tls_certificate_key_file.as_deref(),
        &mut files,
    )
    .map_err(|error| unwritable("key", &error))?
    {
        options.cert_key_file_path = Some(path);
    }
    if let Some(password) = &settings.tls_certificate_key_password {
        options.tls_certificate_key_file_password = Some(password.as_bytes().to_vec());
    }
    if settings.tls_allow_invalid_certificates {
        options.allow_invalid_certificates = Some(true);
    }
    target.tls = Some(Tls::Enabled(options));
    Ok(files)
}

/// True if a connection string asks for TLS, and names no certificates to trust.
fn trusts_what_the_process_does(target: &ConnectionString) -> bool {
    match &target.tls {
        Some(Tls::Enabled(options)) => options.ca_file_path.is_none(),
        Some(Tls::Disabled) => false,
        // With this kind of name TLS goes without saying.
        None => matches!(target.host_info, HostInfo::DnsRecord(_)),
    }
}

fn path_of(
    in_memory: Option<&[u8]>,
    path: Option<&str>,
    files: &mut Vec<SecretFile>,
) -> io::Result<Option<PathBuf>> {
    let Some(contents) = in_memory else {
        return Ok(path.map(PathBuf::from));
    };
    let file = SecretFile::write(contents)?;
    let path = file.path().to_owned();
    files.push(file);
    Ok(Some(path))
}

fn unwritable(option: &str, error: &io::Error) -> ConnectionError {
    ConnectionError::new(option, format!("could not be handed over by a temporary file: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";

    fn with_tls() -> ConnectionSettings {
        ConnectionSettings { tls: true, ..ConnectionSettings::default() }
    }

    fn enabled(target: &ConnectionString) -> &TlsOptions {
        match &target.tls {
            Some(Tls::Enabled(options)) => options,
            other => panic!("TLS should be on: {other:?}"),
        }
    }

    #[test]
    fn in_memory_certificates_live_in_files_as_long_as_the_guards() {
        let settings = ConnectionSettings {
            tls_ca: Some(PEM.to_vec()),
            tls_certificate_key: Some(b"key".to_vec()),
            tls_certificate_key_password: Some("open".to_owned()),
            ..with_tls()
        };
        let mut target = ConnectionString::default();
        let files = apply(&mut target, &settings).expect("they can be written");
        let options = enabled(&target);
        let ca = options.ca_file_path.clone().expect("a path");
        let key = options.cert_key_file_path.clone().expect("a path");
        assert_eq!(std::fs::read(&ca).expect("it is there"), PEM);
        assert_eq!(std::fs::read(&key).expect("it is there"), b"key");
        assert_eq!(options.tls_certificate_key_file_password.as_deref(), Some(b"open".as_slice()));
        drop(files);
        assert!(!ca.exists() && !key.exists());
    }

    #[test]
    fn files_are_named_not_copied() {
        let settings = ConnectionSettings {
            tls_ca_file: Some("/some/ca.pem".to_owned()),
            tls_allow_invalid_certificates: true,
            ..with_tls()
        };
        let mut target = ConnectionString::default();
        assert!(apply(&mut target, &settings).expect("nothing is written").is_empty());
        assert_eq!(enabled(&target).ca_file_path.as_deref(), Some(std::path::Path::new("/some/ca.pem")));
        assert_eq!(enabled(&target).allow_invalid_certificates, Some(true));
    }

    #[test]
    fn no_tls_is_explicit_unless_a_connection_string_decides() {
        let mut target = ConnectionString::default();
        apply(&mut target, &ConnectionSettings::default()).expect("nothing is written");
        assert_eq!(target.tls, Some(Tls::Disabled));

        let mut target = ConnectionString::parse("mongodb://host/?tls=true").expect("it is valid");
        let settings = ConnectionSettings {
            uri: Some("mongodb://host/?tls=true".to_owned()),
            ..ConnectionSettings::default()
        };
        apply(&mut target, &settings).expect("nothing is written");
        assert!(matches!(target.tls, Some(Tls::Enabled(_))));
    }

    #[test]
    fn an_option_that_would_weaken_or_break_the_check_is_refused_by_name() {
        let refused = |settings| check(&settings).expect_err("it can't be honoured").option;
        let hostnames = ConnectionSettings { tls_allow_invalid_hostnames: true, ..with_tls() };
        assert_eq!(refused(hostnames), "tlsAllowInvalidHostnames");
        let missing = ConnectionSettings { tls_ca_file: Some("/not/there.pem".to_owned()), ..with_tls() };
        assert_eq!(refused(missing), "tlsCAFile");
        let empty = ConnectionSettings { tls_ca: Some(Vec::new()), ..with_tls() };
        assert_eq!(refused(empty), "tlsCAFile");
        let anything_goes = ConnectionSettings {
            tls_allow_invalid_hostnames: true,
            tls_allow_invalid_certificates: true,
            ..with_tls()
        };
        assert_eq!(check(&anything_goes), Ok(()));
    }
}
