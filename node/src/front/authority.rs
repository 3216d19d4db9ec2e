//! Which host a request is for. What a hostname is, is the router's.

use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, Version};
use router::{Host, HostError};

use super::normal;
use crate::refusal::Refusal;

/// The host of a request: with its port, as its URL shows it, and as routes know it.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) authority: Authority,
    pub(super) host: Arc<str>,
}

/// The last target of a connection. Requests on one connection nearly always have the same.
#[derive(Default)]
pub(super) struct LastTarget(Option<(Box<[u8]>, Target)>);

impl LastTarget {
    /// The target of a request.
    ///
    /// RFC 9112 section 3.2 asks for exactly one `Host` in each request, and for a 400 else; the
    /// target of an absolute-form request wins over it (section 3.2.2). In HTTP/2 it is
    /// `:authority`, and `Host` may stand in for it or repeat it (RFC 9113 section 8.3.1).
    pub(super) fn of(&mut self, parts: &Parts, tls: bool) -> Result<Target, Refusal> {
        let mut fields = parts.headers.get_all(HOST).iter();
        let field = fields.next();
        if fields.next().is_some() {
            return Err(Refusal::ManyHosts);
        }
        let http2 = parts.version == Version::HTTP_2;
        match (parts.uri.authority(), field) {
            (None, None) => Err(Refusal::NoHost),
            (Some(_), None) if !http2 => Err(Refusal::NoHost),
            (None, Some(field)) => self.read(field.as_bytes(), tls),
            (Some(authority), None) => self.read(authority.as_str().as_bytes(), tls),
            (Some(authority), Some(field)) if http2 => {
                let target = self.read(authority.as_str().as_bytes(), tls)?;
                let same = authority.as_str().as_bytes() == field.as_bytes()
                    || host_of(field)?.as_str() == &*target.host;
                if same { Ok(target) } else { Err(Refusal::ManyHosts) }
            }
            (Some(authority), Some(field)) => {
                host_of(field)?;
                self.read(authority.as_str().as_bytes(), tls)
            }
        }
    }

    fn read(&mut self, bytes: &[u8], tls: bool) -> Result<Target, Refusal> {
        if let Some((last, target)) = &self.0
            && **last == *bytes
        {
            return Ok(target.clone());
        }
        let target = parse(bytes, tls)?;
        self.0 = Some((bytes.into(), target.clone()));
        Ok(target)
    }
}

fn host_of(field: &HeaderValue) -> Result<Host<'_>, Refusal> {
    Host::parse(text(field.as_bytes())?).map_err(Refusal::BadHost)
}

fn text(bytes: &[u8]) -> Result<&str, Refusal> {
    let replacement = Refusal::BadHost(HostError::Character(char::REPLACEMENT_CHARACTER));
    std::str::from_utf8(bytes).map_err(|_| replacement)
}

fn parse(bytes: &[u8], tls: bool) -> Result<Target, Refusal> {
    let text = text(bytes)?;
    if text.is_empty() {
        return Err(Refusal::NoHost);
    }
    let host = Host::parse(text).map_err(Refusal::BadHost)?;
    // What is a hostname after normalisation, such as one in Unicode, may not be an authority
    // as it was written.
    let authority = normal::authority(text, tls)
        .ok_or(())
        .or_else(|()| Authority::try_from(text))
        .or_else(|_| {
            let port = text.rsplit_once(':').map_or("", |(_, port)| port);
            let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            let normal = if digits { format!("{host}:{port}") } else { host.to_string() };
            Authority::try_from(normal)
        })
        .map_err(|_| Refusal::BadRequest("its host cannot be part of a URL"))?;
    Ok(Target { authority, host: Arc::from(host.as_str()) })
}
