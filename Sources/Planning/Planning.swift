// Pure decisions.
