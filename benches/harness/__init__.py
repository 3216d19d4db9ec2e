"""What the benches and the soak share: processes, the node, clients, figures."""
