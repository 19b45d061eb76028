//! One client for all engines that connect in the same way: connections, monitors and pools are the costly part.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use mongodb::Client;
use tokio::{runtime, sync::OnceCell};

use super::{
    error::ConnectionError, lanes::Lanes, options, primary::Primary, settings::ConnectionSettings, tls,
};

/// The clients in use. They are few: looking through them beats hashing secrets.
static CLIENTS: Mutex<Vec<Weak<SharedClient>>> = Mutex::new(Vec::new());

/// A client that every engine with equal settings uses. It goes when the last of them lets go.
pub struct SharedClient {
    settings: ConnectionSettings,
    /// Fingerprint of the files that the settings name: other contents are another client, or a renewed certificate
    /// would not be shown.
    files: u64,
    /// A client's workers live and die with the runtime that it was made in.
    runtime: Option<runtime::Id>,
    client: OnceCell<Connected>,
}

struct Connected {
    client: Client,
    patience: Duration,
    primary: Primary,
    lanes: Lanes,
}

/// Time that calls keep trying while no server can be found, if the app named no time: the drivers' usual one.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(30);
/// A single try waits no longer for a server than this. So its failure, which says what is wrong with which server,
/// comes before the bound on the try itself.
const LONGEST_SELECTION: Duration = Duration::from_secs(5);

impl SharedClient {
    /// The client; made at the first call, which looks up the SRV record if there is one. A failed look-up is tried again
    /// by the next call. No server is contacted here.
    ///
    /// # Errors
    /// The SRV record can't be found or read, or a file can't.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn client(&self) -> Result<&Client, crate::base::error::Error> {
        Ok(&self.connected().await?.client)
    }

    /// Time that calls keep trying while no server can be found: the app's own server selection timeout.
    pub(crate) async fn patience(&self) -> Result<Duration, crate::base::error::Error> {
        Ok(self.connected().await?.patience)
    }

    /// The primary, as its monitors see it.
    pub(crate) async fn primary(&self) -> Result<Primary, crate::base::error::Error> {
        Ok(self.connected().await?.primary.clone())
    }

    /// The shares of its connections.
    pub(crate) async fn lanes(&self) -> Result<Lanes, crate::base::error::Error> {
        Ok(self.connected().await?.lanes.clone())
    }

    async fn connected(&self) -> Result<&Connected, crate::base::error::Error> {
        self.client
            .get_or_try_init(|| async {
                let mut target = options::target(&self.settings)?;
                let files = tls::apply(&mut target, &self.settings)?;
                let mut options = options::resolve(target, &self.settings).await?;
                let patience = options.server_selection_timeout.unwrap_or(DEFAULT_PATIENCE);
                options.server_selection_timeout = Some(patience.min(LONGEST_SELECTION));
                let primary = Primary::observe(&mut options);
                let lanes = Lanes::instead_of(&mut options);
                let client = Client::with_options(options)?;
                // The driver has read certificates and keys by now.
                drop(files);
                Ok(Connected { client, patience, primary, lanes })
            })
            .await
    }
}

impl fmt::Debug for SharedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedClient").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The client for these settings, shared with every engine of this runtime that gave equal ones. Waits for nothing.
///
/// # Errors
/// A setting that can't be honoured, by name.
pub fn shared_client(settings: ConnectionSettings) -> Result<Arc<SharedClient>, ConnectionError> {
    let runtime = runtime::Handle::try_current().ok().map(|handle| handle.id());
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    clients.retain(|client| client.strong_count() > 0);
    let files = tls::fingerprint(&settings);
    let is_equal = |client: &Arc<SharedClient>| {
        client.runtime == runtime && client.settings == settings && client.files == files
    };
    if let Some(known) = clients.iter().filter_map(Weak::upgrade).find(is_equal) {
        return Ok(known);
    }
    options::check(&settings)?;
    let made = Arc::new(SharedClient { settings, files, runtime, client: OnceCell::new() });
    clients.push(Arc::downgrade(&made));
    Ok(made)
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, path::PathBuf, time::Instant};

    use super::*;

    fn settings(app_name: &str) -> ConnectionSettings {
        ConnectionSettings {
            hosts: vec!["127.0.0.1:1".to_owned()],
            app_name: Some(app_name.to_owned()),
            username: Some("me".to_owned()),
            password: Some("s3cret".to_owned()),
            ..ConnectionSettings::default()
        }
    }

    #[tokio::test]
    async fn equal_settings_share_one_client_until_the_last_user_goes() {
        let first = shared_client(settings("sharing")).expect("it can be honoured");
        let second = shared_client(settings("sharing")).expect("it can be honoured");
        assert!(Arc::ptr_eq(&first, &second));
        let gone = Arc::downgrade(&first);
        drop(first);
        assert!(gone.upgrade().is_some());
        drop(second);
        // A search for a client of its own holds each of them for an instant, as other tests of this process do.
        let until = Instant::now() + Duration::from_secs(1);
        while gone.strong_count() > 0 {
            assert!(Instant::now() < until, "somebody still uses it");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn other_credentials_are_another_client() {
        let mine = shared_client(settings("mine")).expect("it can be honoured");
        let theirs = ConnectionSettings { password: Some("other".to_owned()), ..settings("mine") };
        assert!(!Arc::ptr_eq(&mine, &shared_client(theirs).expect("it can be honoured")));
    }

    #[tokio::test]
    async fn a_certificate_that_was_renewed_in_its_place_is_another_client() {
        let pem = |text: &str| format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        let path = std::env::temp_dir().join(format!("durabl-{}.pem", uuid::Uuid::new_v4()));
        let name = path.to_string_lossy().into_owned();
        let in_settings =
            ConnectionSettings { tls: true, tls_ca_file: Some(name.clone()), ..settings("renewed") };
        let uri = format!("mongodb://host/?tls=true&tlsCAFile={}", name.replace('/', "%2F"));
        let in_uri = ConnectionSettings { uri: Some(uri), ..ConnectionSettings::default() };
        for settings in [in_settings, in_uri] {
            std::fs::write(&path, pem("old")).expect("it can be written");
            let old = shared_client(settings.clone()).expect("it can be honoured");
            assert!(Arc::ptr_eq(&old, &shared_client(settings.clone()).expect("it can be honoured")));
            std::fs::write(&path, pem("new")).expect("it can be written");
            assert!(!Arc::ptr_eq(&old, &shared_client(settings).expect("it can be honoured")));
        }
        std::fs::remove_file(&path).expect("it is there");
    }

    #[test]
    fn runtimes_do_not_share() {
        let open = || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("it can start");
            let client = runtime.block_on(async { shared_client(settings("runtimes")) });
            (runtime, client.expect("it can be honoured"))
        };
        let (_one, first) = open();
        let (_other, second) = open();
        assert!(!Arc::ptr_eq(&first, &second));
    }

    #[tokio::test]
    async fn a_refused_setting_registers_nothing() {
        let refused = ConnectionSettings { compressors: vec!["brotli".to_owned()], ..settings("refused") };
        let error = shared_client(refused.clone()).expect_err("it can't be honoured");
        assert_eq!(error.option, "compressors");
        let known = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(known.iter().filter_map(Weak::upgrade).all(|client| client.settings != refused));
    }

    #[tokio::test]
    async fn the_client_is_made_once_and_shows_no_credential() {
        let shared = shared_client(settings("made once")).expect("it can be honoured");
        let _ = shared.client().await.expect("no server is needed");
        assert!(shared.client.initialized());
        assert!(!format!("{shared:?}").contains("s3cret"));
    }

    #[tokio::test]
    async fn certificates_in_memory_leave_no_file_behind() {
        let ca = include_bytes!("../../tests/certificates/ca.pem");
        // A process that was killed may have left some.
        let copies = || -> HashSet<PathBuf> {
            let files = std::fs::read_dir(std::env::temp_dir()).expect("it can be read");
            files
                .filter_map(Result::ok)
                .filter(|entry| entry.file_name().to_string_lossy().starts_with("durabl-"))
                .map(|entry| entry.path())
                .filter(|path| std::fs::read(path).is_ok_and(|contents| contents == ca))
                .collect()
        };
        let before = copies();
        let with_ca = ConnectionSettings { tls: true, tls_ca: Some(ca.to_vec()), ..settings("with a CA") };
        let shared = shared_client(with_ca).expect("it can be honoured");
        let _ = shared.client().await.expect("no server is needed");
        assert_eq!(copies().difference(&before).count(), 0);
    }
}
