"""What tests and the demo drive hosts and playbooks with."""
