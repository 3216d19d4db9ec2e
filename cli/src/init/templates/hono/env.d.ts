/** What isolane.toml gives to the worker: variables, KV namespaces, secrets. */
interface Env {}
