//! Passwords: hashed with argon2id (RFC 9106), kept in PHC form, never logged. Hashing costs memory and time on purpose, so
//! only a few run at once and only a few wait: a flood of sign-ins can't take the box away from those who are signed in.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use crate::services::failure::{Failure, Outcome};

/// Bytes of what somebody typed that are hashed: no password is longer, and hashing them costs.
const HASHED_BYTES_MAX: usize = (64 << 10) + 1;

/// A password in memory: wiped when it is dropped, never shown.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes what was typed.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// How long it is.
    pub(super) fn length_bytes(&self) -> usize {
        self.0.len()
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

/// What a hash costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HashOptions {
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Hashes that run at once, at most.
    pub hashes_max: usize,
    /// Requests that wait for one, at most; further ones are told to come again.
    pub waiting_max: usize,
}

impl Default for HashOptions {
    /// About a tenth of a second on a laptop of two cores, and 64 MiB at most.
    fn default() -> Self {
        Self {
            memory_kib: 32 << 10,
            passes: 3,
            hashes_max: 2,
            waiting_max: 16,
        }
    }
}

/// Where passwords are hashed.
#[derive(Debug)]
pub(crate) struct Passwords {
    options: HashOptions,
    /// How many hash, how many wait. Held for the moment of a count.
    queue: Mutex<(usize, usize)>,
    freed: Condvar,
    /// Hashes since the start.
    hashed: AtomicU64,
}

impl Passwords {
    pub(super) fn new(options: HashOptions) -> Self {
        Self {
            options,
            queue: Mutex::default(),
            freed: Condvar::new(),
            hashed: AtomicU64::new(0),
        }
    }

    /// The hash of a new password, in PHC form.
    pub(super) fn hash(&self, password: &Password) -> Outcome<String> {
        let hasher = self.hasher()?;
        let _turn = self.turn()?;
        let hash: PasswordHash = hasher.hash_password(password.bytes()).map_err(broken)?;
        Ok(hash.to_string())
    }

    /// Whether the password is the one of this hash. Without a hash one is made all the same, so that nobody learns from
    /// the time whether there is one.
    pub(super) fn matches(&self, password: &Password, hash: Option<&str>) -> Outcome<bool> {
        let hasher = self.hasher()?;
        let known = hash.and_then(|hash| PasswordHash::new(hash).ok());
        let short = &password.bytes()[..password.bytes().len().min(HASHED_BYTES_MAX)];
        let _turn = self.turn()?;
        match known {
            Some(hash) => Ok(hasher.verify_password(short, &hash).is_ok()),
            None => {
                let _made: PasswordHash = hasher.hash_password(short).map_err(broken)?;
                Ok(false)
            }
        }
    }

    /// Hashes since the start.
    pub(super) fn hashed(&self) -> u64 {
        self.hashed.load(Ordering::Relaxed)
    }

    fn hasher(&self) -> Outcome<Argon2<'static>> {
        let params = Params::new(self.options.memory_kib, self.options.passes, 1, None);
        let params = params.map_err(|error| Failure::Internal(error.to_string()))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }

    /// Waits until one may hash.
    fn turn(&self) -> Outcome<Turn<'_>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.0 >= self.options.hashes_max {
            if queue.1 >= self.options.waiting_max {
                return Err(Failure::Busy(1));
            }
            queue.1 += 1;
            let full = |queue: &mut (usize, usize)| queue.0 >= self.options.hashes_max;
            queue = self
                .freed
                .wait_while(queue, full)
                .unwrap_or_else(PoisonError::into_inner);
            queue.1 -= 1;
        }
        queue.0 += 1;
        self.hashed.fetch_add(1, Ordering::Relaxed);
        Ok(Turn(self))
    }
}

fn broken(error: argon2::password_hash::Error) -> Failure {
    Failure::Internal(format!("a password can't be hashed: {error}"))
}

/// The right to hash, given back when it is dropped.
struct Turn<'p>(&'p Passwords);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.0 -= 1;
        drop(queue);
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, HashOptions, Password, Passwords};

    fn passwords() -> Passwords {
        Passwords::new(HashOptions {
            memory_kib: 64,
            passes: 1,
            hashes_max: 1,
            waiting_max: 0,
        })
    }

    fn typed(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[test]
    fn a_password_matches_its_own_hash_alone() {
        let passwords = passwords();
        let hash = passwords.hash(&typed("correct horse battery")).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert!(
            passwords
                .matches(&typed("correct horse battery"), Some(&hash))
                .unwrap()
        );
        assert!(
            !passwords
                .matches(&typed("correct horse batterz"), Some(&hash))
                .unwrap()
        );
        assert!(!passwords.matches(&typed(""), Some("no hash")).unwrap());
        assert!(!passwords.matches(&typed(""), None).unwrap());
        assert_eq!(passwords.hashed(), 5, "every question costs one hash");
    }

    #[test]
    fn only_a_few_hash_at_once() {
        let passwords = passwords();
        let turn = passwords.turn().unwrap();
        assert!(matches!(passwords.turn(), Err(Failure::Busy(1))));
        drop(turn);
        assert!(passwords.turn().is_ok());
    }

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(format!("{:?}", typed("secret")), "Password");
    }
}
