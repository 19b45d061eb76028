//! A file that exists for a moment: the driver reads certificates and keys from paths only, and apps hold them in
//! memory too.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use uuid::Uuid;

/// A file that only this user can read, removed when this is dropped.
#[derive(Debug)]
pub(super) struct SecretFile {
    path: PathBuf,
}

impl SecretFile {
    pub(super) fn write(contents: &[u8]) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("durabl-{}.pem", Uuid::new_v4()));
        // `create_new` follows no link that another user may have put there.
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&path)?;
        let secret = Self { path };
        file.write_all(contents)?;
        Ok(secret)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        // A file that can't be removed is left.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

/// Elsewhere the directory for temporary files is the user's own.
#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_its_contents_until_it_is_dropped() {
        let secret = SecretFile::write(b"contents").expect("the directory is writable");
        let path = secret.path().to_owned();
        assert_eq!(fs::read(&path).expect("it is there"), b"contents");
        drop(secret);
        assert!(!path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn no_other_user_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let secret = SecretFile::write(b"contents").expect("the directory is writable");
        let mode = fs::metadata(secret.path()).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
