"""What users do with a BLAST service: submit, watch, read and cancel searches; and the durable work behind it."""
