"""Small labs of real systemd hosts: see ops/lab/hosts."""
