//! The command line as a person uses it: the real binary, real files, sockets and signals. Not
//! here: HTTP/2, but where it holds memory, and TLS.

#[path = "command_line/ceiling.rs"]
mod ceiling;
#[path = "command_line/check.rs"]
mod check;
#[path = "command_line/contained.rs"]
mod contained;
#[path = "command_line/crowded.rs"]
mod crowded;
#[path = "command_line/dev.rs"]
mod dev;
#[path = "support/done.rs"]
mod done;
#[path = "support/folder.rs"]
mod folder;
#[path = "command_line/full_disk.rs"]
mod full_disk;
#[path = "support/http.rs"]
mod http;
#[path = "command_line/inspect.rs"]
mod inspect;
#[path = "command_line/kv.rs"]
mod kv;
#[path = "command_line/log.rs"]
mod log;
#[path = "command_line/printed.rs"]
mod printed;
#[path = "support/process.rs"]
mod process;
#[path = "command_line/serve.rs"]
mod serve;
#[path = "command_line/signals.rs"]
mod signals;
#[path = "command_line/streams.rs"]
mod streams;
#[path = "command_line/tenants.rs"]
mod tenants;
#[path = "command_line/unread.rs"]
mod unread;
#[path = "command_line/urgent.rs"]
mod urgent;
