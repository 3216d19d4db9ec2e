# Two workers in workerd, of which one calls the other; the address comes from the command line.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "caller", worker = .caller), (name = "callee", worker = .callee)],
  sockets = [(name = "http", http = (), service = "caller")],
);

const caller :Workerd.Worker = (
  modules = [(name = "caller.js", esModule = embed "caller.js")],
  compatibilityDate = "2026-11-01",
  bindings = [(name = "S", service = (name = "callee", entrypoint = "S"))],
);

const callee :Workerd.Worker = (
  modules = [(name = "callee.js", esModule = embed "callee.js")],
  compatibilityDate = "2026-11-01",
);
