//! Bearer tokens: JWTs (RFC 7519) signed with EdDSA (RFC 8037) by the server's key.

use ed25519_dalek::pkcs8::EncodePrivateKey;
use gridlog_domain::id::{DeviceId, PersonId};
use gridlog_protocol::{SigningKey, VerifyingKey};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// Why a token is not taken.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
pub enum TokenError {
    /// It is not ours, or was changed.
    #[error("the token is not one of this server's; sign in")]
    Invalid,
    /// Its time is over.
    #[error("the token has expired; sign in again")]
    Expired,
    /// The key cannot sign.
    #[error("the server's key cannot sign tokens")]
    Key,
}

/// Whom a token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The person.
    pub person: PersonId,
    /// The device; `None` for a session of the office.
    pub device: Option<DeviceId>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<DeviceId>,
    iat: i64,
    exp: i64,
}

/// Makes and reads tokens.
#[derive(Clone)]
pub struct Tokens {
    encoding: EncodingKey,
    /// The current key's first.
    decoding: Vec<DecodingKey>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    /// Tokens that `key` signs. Those that a former key signed are read as well, until they expire.
    ///
    /// # Errors
    /// [`TokenError::Key`] if the key has no PKCS#8 form.
    pub fn new(key: &SigningKey, former: &[VerifyingKey]) -> Result<Self, TokenError> {
        let der = key.to_pkcs8_der().map_err(|_| TokenError::Key)?;
        Ok(Self {
            encoding: EncodingKey::from_ed_der(der.as_bytes()),
            decoding: std::iter::once(&key.verifying_key())
                .chain(former.iter().rev())
                .map(|key| DecodingKey::from_ed_der(key.as_bytes()))
                .collect(),
        })
    }

    /// A token that ends `lasts_ms` after `now_ms`.
    ///
    /// # Errors
    /// [`TokenError::Key`].
    pub fn issue(&self, bearer: &Bearer, now_ms: i64, lasts_ms: i64) -> Result<String, TokenError> {
        let claims = Claims {
            sub: bearer.person.as_str().to_owned(),
            device: bearer.device,
            iat: now_ms / 1_000,
            exp: now_ms.saturating_add(lasts_ms) / 1_000,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &self.encoding)
            .map_err(|_| TokenError::Key)
    }

    /// Reads a token at `now_ms`.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] or [`TokenError::Expired`].
    pub fn read(&self, token: &str, now_ms: i64) -> Result<Bearer, TokenError> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        // The library reads the system's clock; ours comes in as an argument.
        validation.validate_exp = false;
        let mut keys = self.decoding.iter();
        let read = keys.find_map(|key| jsonwebtoken::decode(token, key, &validation).ok());
        let claims: Claims = read.ok_or(TokenError::Invalid)?.claims;
        if claims.exp.saturating_mul(1_000) <= now_ms {
            return Err(TokenError::Expired);
        }
        Ok(Bearer {
            person: PersonId::new(claims.sub),
            device: claims.device,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(seed: u8) -> Tokens {
        Tokens::new(&SigningKey::from_bytes(&[seed; 32]), &[]).unwrap()
    }

    fn bearer() -> Bearer {
        Bearer {
            person: "W001".into(),
            device: Some(DeviceId::from_bytes([3; 16])),
        }
    }

    #[test]
    fn a_token_names_its_bearer_until_it_expires() {
        let tokens = tokens(1);
        let token = tokens.issue(&bearer(), 1_000_000, 60_000).unwrap();
        assert_eq!(tokens.read(&token, 1_059_000), Ok(bearer()));
        assert_eq!(tokens.read(&token, 1_060_000), Err(TokenError::Expired));
    }

    #[test]
    fn a_token_of_another_key_or_a_changed_one_is_not_taken() {
        let token = tokens(1).issue(&bearer(), 0, 60_000).unwrap();
        assert_eq!(tokens(2).read(&token, 1), Err(TokenError::Invalid));
        let former = SigningKey::from_bytes(&[1; 32]).verifying_key();
        let next = Tokens::new(&SigningKey::from_bytes(&[2; 32]), &[former]).unwrap();
        assert_eq!(next.read(&token, 1), Ok(bearer()));
        assert_eq!(next.read(&token, 60_000), Err(TokenError::Expired));
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJXMDAxIiwiZXhwIjo5OTk5OTk5OTk5fQ.";
        assert_eq!(tokens(1).read(unsigned, 1), Err(TokenError::Invalid));
    }
}
