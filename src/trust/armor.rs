//! The armoured text form of a signature, exactly as `ssh-keygen -Y sign` writes it (OpenSSH `PROTOCOL.sshsig`): base64
//! of RFC 4648 in lines of 70 characters, each ended by LF.
//!
//! INVARIANT: re-armouring the decoded bytes gives the same text, so a signature has exactly one text.

use base64ct::{Base64, Encoding};

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";
const COLUMNS: usize = 70;
/// The size limit. A certificate with long lists of principals fits.
const MAX_BYTES: usize = 256 * 1024;

/// Why a text is not an armoured signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArmorError {
    /// The text is empty.
    #[error("the signature is empty")]
    Empty,
    /// The text is longer than the limit.
    #[error("the signature is too long")]
    TooLong,
    /// The `BEGIN` or `END` line is missing.
    #[error("the signature lacks its `-----BEGIN SSH SIGNATURE-----` or `-----END SSH SIGNATURE-----` line")]
    Frame,
    /// The content is not base64.
    #[error("the signature is not base64")]
    Base64,
    /// The text can be decoded, but `ssh-keygen` formats it differently.
    #[error("the signature is not formatted as `ssh-keygen` formats it: lines of 70 characters, each ended by LF")]
    Form,
}

/// Decodes an armoured signature.
///
/// # Errors
/// If the text is not byte for byte what [`armor`] returns for its content.
pub fn dearmor(text: &[u8]) -> Result<Vec<u8>, ArmorError> {
    if text.is_empty() {
        return Err(ArmorError::Empty);
    }
    if text.len() > MAX_BYTES {
        return Err(ArmorError::TooLong);
    }
    let text = std::str::from_utf8(text).map_err(|_| ArmorError::Frame)?;
    let lenient = text.replace('\r', "");
    let inner = lenient
        .trim()
        .strip_prefix(BEGIN.trim_end())
        .and_then(|rest| rest.strip_suffix(END.trim_end()))
        .ok_or(ArmorError::Frame)?;
    let joined: String = inner.split_ascii_whitespace().collect();
    let bytes = Base64::decode_vec(&joined).map_err(|_| ArmorError::Base64)?;
    // Decode leniently first, so that the error distinguishes a damaged signature from, say, CRLF line ends.
    if armor(&bytes) == text { Ok(bytes) } else { Err(ArmorError::Form) }
}

/// Armours a signature as `ssh-keygen` does, with LF at the end.
#[must_use]
pub fn armor(bytes: &[u8]) -> String {
    let body = Base64::encode_string(bytes);
    let mut out = String::with_capacity(body.len() + body.len() / COLUMNS + 64);
    out.push_str(BEGIN);
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at_checked(COLUMNS).unwrap_or((rest, ""));
        out.push_str(line);
        out.push('\n');
        rest = tail;
    }
    out.push_str(END);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_has_one_text() {
        for length in [1, 52, 53, 104, 105, 300] {
            let bytes = vec![7_u8; length];
            let text = armor(&bytes);
            assert_eq!(dearmor(text.as_bytes()).as_deref(), Ok(&bytes[..]));
            assert_eq!(dearmor(text.replace('\n', "\r\n").as_bytes()), Err(ArmorError::Form));
            assert_eq!(dearmor(text.trim_end().as_bytes()), Err(ArmorError::Form));
            assert_eq!(dearmor(format!("{text}\n").as_bytes()), Err(ArmorError::Form));
            assert_eq!(dearmor(format!(" {text}").as_bytes()), Err(ArmorError::Form));
            assert_eq!(dearmor(format!("{text}x").as_bytes()), Err(ArmorError::Frame));
        }
        assert_eq!(dearmor(b""), Err(ArmorError::Empty));
        assert_eq!(dearmor(b"\xff\xfe"), Err(ArmorError::Frame));
    }
}
