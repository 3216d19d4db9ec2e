//! A hostname in normal form, from the value of a `Host` header, an `:authority` or a TLS SNI.
//! Which of these a request has, and whether they agree, is the node's business.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Deref;

use crate::error::HostError;

#[cfg(test)]
mod tests;

/// RFC 1035 section 2.3.4.
const MAX_LABEL_BYTES: usize = 63;
/// RFC 1035 section 2.3.4: 255 bytes on the wire, less the first length byte and the root.
const MAX_NAME_BYTES: usize = 253;
/// Before punycode a name may have up to four bytes per character. Longer input is refused
/// before the Unicode tables see it.
const MAX_UNMAPPED_BYTES: usize = 4 * MAX_NAME_BYTES;

/// A normalised hostname: lower case, in punycode, without port and trailing dot.
///
/// An IPv6 address keeps its brackets and is written as in RFC 5952. Two hosts are the same host
/// if and only if they are equal as strings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host<'a>(Cow<'a, str>);

impl<'a> Host<'a> {
    /// Reads `host [":" port]` (RFC 9110 section 7.2). An empty port is allowed, as it is there.
    ///
    /// Names are mapped by UTS #46 as the URL Standard does, then held to letters, digits, `-`,
    /// `_` and dots. As in the URL Standard, a name whose last label is a number is an IPv4
    /// address or an error; only the dotted decimal form is one here. A lower-case ASCII name
    /// is borrowed, not copied.
    ///
    /// # Errors
    /// The first thing found wrong, see [`HostError`].
    pub fn parse(authority: &'a str) -> Result<Self, HostError> {
        parse_parts(authority).map_err(|error| match error {
            // Whatever else follows from an `@`, the person needs to hear of the `@`.
            _ if authority.contains('@') => HostError::UserInfo,
            error => error,
        })
    }

    /// The name as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same host, independent of the text it was parsed from.
    pub fn into_owned(self) -> Host<'static> {
        Host(Cow::Owned(self.0.into_owned()))
    }
}

impl Deref for Host<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Splits an authority without user information into the name and, after a colon, the port.
pub(crate) fn split_port(authority: &str) -> (&str, Option<&str>) {
    // Colons within brackets belong to the address, also where the closing one is missing.
    let from =
        if authority.starts_with('[') { authority.find(']').unwrap_or(authority.len()) } else { 0 };
    match authority.bytes().skip(from).position(|byte| byte == b':') {
        Some(colon) => {
            let (name, port) = authority.split_at(from + colon);
            (name, port.get(1..))
        }
        None => (authority, None),
    }
}

fn parse_parts(authority: &str) -> Result<Host<'_>, HostError> {
    let (name, port) = split_port(authority);
    if let Some(port) = port {
        check_port(port)?;
    }
    if let Some(plain) = plain_name(name) {
        return Ok(Host(Cow::Borrowed(plain)));
    }
    let host = if name.starts_with('[') { ipv6(name)? } else { mapped_name(name)? };
    Ok(Host(host))
}

fn check_port(port: &str) -> Result<(), HostError> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    // `u16::from_str` alone would accept a plus sign.
    if digits && (port.is_empty() || port.parse::<u16>().is_ok()) {
        Ok(())
    } else {
        Err(HostError::Port)
    }
}

/// The name without its trailing dot, if it is in normal form already and surely no address.
/// This is the path of nearly every request; what it declines, [`mapped_name`] decides.
fn plain_name(name: &str) -> Option<&str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    let mut last_label = &[][..];
    for label in name.as_bytes().split(|&byte| byte == b'.') {
        let plain = !label.is_empty()
            && label.len() <= MAX_LABEL_BYTES
            && label.iter().all(|&byte| is_normal_byte(byte))
            && !label.starts_with(b"xn--");
        if !plain {
            return None;
        }
        last_label = label;
    }
    // Only a label that begins with a digit can make an address of the name.
    (!last_label.first()?.is_ascii_digit()).then_some(name)
}

/// The bytes of a label in normal form. The underscore is no hostname character in RFC 952 but
/// occurs in names that resolve.
fn is_normal_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')
}

fn ipv6(name: &str) -> Result<Cow<'_, str>, HostError> {
    let inner = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address: Ipv6Addr = inner.and_then(|inner| inner.parse().ok()).ok_or(HostError::Address)?;
    Ok(Cow::Owned(format!("[{address}]")))
}

/// Normalises a name that has upper case, Unicode or punycode, or is an IPv4 address.
fn mapped_name(name: &str) -> Result<Cow<'_, str>, HostError> {
    if name.is_empty() || name == "." {
        return Err(HostError::Empty);
    }
    let refused = |c: char| c.is_ascii() && c != '.' && !is_normal(c.to_ascii_lowercase());
    if let Some(character) = name.chars().find(|&c| refused(c)) {
        return Err(HostError::Character(character));
    }
    if name.len() > MAX_UNMAPPED_BYTES {
        return Err(HostError::TooLong);
    }
    let mapped = idna::domain_to_ascii_cow(name.as_bytes(), idna::AsciiDenyList::URL)
        .map_err(|_| HostError::Idna)?;
    // After the mapping, because it turns other full stops (U+3002, say) into dots.
    let name = without_trailing_dot(mapped);
    check_labels(&name)?;
    // The URL Standard's deny list lets more through than the characters of a name.
    if let Some(character) = name.chars().find(|&c| c != '.' && !is_normal(c)) {
        return Err(HostError::Character(character));
    }
    let last_label = name.rsplit('.').next().unwrap_or_default();
    if is_number(last_label) && name.parse::<Ipv4Addr>().is_err() {
        return Err(HostError::Address);
    }
    Ok(name)
}

fn is_normal(character: char) -> bool {
    u8::try_from(character).is_ok_and(is_normal_byte)
}

fn without_trailing_dot(name: Cow<'_, str>) -> Cow<'_, str> {
    match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.strip_suffix('.').unwrap_or(name)),
        Cow::Owned(mut name) => {
            if name.ends_with('.') {
                name.pop();
            }
            Cow::Owned(name)
        }
    }
}

fn check_labels(name: &str) -> Result<(), HostError> {
    if name.is_empty() {
        return Err(HostError::Empty);
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(HostError::TooLong);
    }
    for label in name.split('.') {
        match label.len() {
            0 => return Err(HostError::EmptyLabel),
            1..=MAX_LABEL_BYTES => {}
            _ => return Err(HostError::LabelTooLong),
        }
    }
    Ok(())
}

/// The URL Standard's "ends in a number": decimal digits, or `0x` and hexadecimal digits.
fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(hexadecimal) => hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}
