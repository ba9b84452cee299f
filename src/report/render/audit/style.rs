//! The stylesheet of the HTML page, and its hash for the Content-Security-Policy.

/// The stylesheet. Its bytes are what [`STYLE_HASH`] is computed from.
pub(super) const STYLE: &str = include_str!("page.css");

/// The base64 of the SHA-256 of [`STYLE`]. A test computes it.
pub(super) const STYLE_HASH: &str = "kuzpeh8A24sjxpj0dHZlfyIU5AOJD2SmLKqaIQ8nSUo=";
