//! The port to listen on: the one that was asked for, or the next that is free. The node's own
//! sockets share a port, so two of them would not notice each other; hence this look beforehand.

use std::io::ErrorKind;
use std::net::{IpAddr, TcpListener};

use crate::failure::BadArgument;

/// Where workers are when nothing else is asked for.
const DEFAULT: u16 = 8787;
/// How many ports after it are tried.
const TRIES: u16 = 20;

/// A port to listen on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Port {
    /// Its number; 0 is any.
    pub(super) number: u16,
    /// The default one, where somebody else has it.
    pub(super) taken: Option<u16>,
}

/// Chooses a port on that address.
///
/// # Errors
/// When the one that was asked for is in use, or every one that was tried.
pub(super) fn choose(host: IpAddr, wanted: Option<u16>) -> Result<Port, BadArgument> {
    match wanted {
        Some(number) if number == 0 || is_free(host, number) => Ok(Port { number, taken: None }),
        Some(number) => {
            let after = (number..=u16::MAX).skip(1).take(usize::from(TRIES));
            let next = after.into_iter().find(|next| is_free(host, *next));
            let advice = match next {
                Some(next) => format!("--port {next} is free"),
                None => "--port 0 takes a free one".to_owned(),
            };
            Err(BadArgument(format!(
                "port {number} on {host} is in use by another program: stop it, or choose \
                 another port ({advice})"
            )))
        }
        None => first_free(host, DEFAULT),
    }
}

fn first_free(host: IpAddr, first: u16) -> Result<Port, BadArgument> {
    let number = (first..first.saturating_add(TRIES)).find(|number| is_free(host, *number));
    match number {
        Some(number) => Ok(Port { number, taken: (number != first).then_some(first) }),
        None => Err(BadArgument(format!(
            "ports {first} to {} on {host} are in use by other programs: choose another with \
             --port (0 takes a free one)",
            first.saturating_add(TRIES - 1)
        ))),
    }
}

/// Whether nobody listens there. Any other problem with the address is told by who binds it.
fn is_free(host: IpAddr, number: u16) -> bool {
    match TcpListener::bind((host, number)) {
        Ok(_) => true,
        Err(error) => error.kind() != ErrorKind::AddrInUse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_port_that_was_asked_for_and_is_in_use_is_an_error_with_the_next_step() {
        let other = TcpListener::bind((HOST, 0)).expect("there is a free port");
        let number = other.local_addr().expect("it listens").port();
        let error = choose(HOST, Some(number)).expect_err("the port is in use").to_string();
        assert!(error.starts_with(&format!("port {number} on 127.0.0.1 is in use")), "{error}");
        assert!(error.contains("--port "), "{error}");
    }

    #[test]
    fn without_a_wish_the_next_free_port_is_taken() {
        let other = TcpListener::bind((HOST, 0)).expect("there is a free port");
        let first = other.local_addr().expect("it listens").port();
        let port = first_free(HOST, first).expect("there is another free port");
        assert_eq!(port.taken, Some(first));
        assert!(port.number > first);
    }

    #[test]
    fn any_port_is_the_systems_choice() {
        assert_eq!(choose(HOST, Some(0)).ok(), Some(Port { number: 0, taken: None }));
    }
}
