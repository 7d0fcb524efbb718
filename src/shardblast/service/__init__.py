"""What users of a BLAST service do: submit, watch, read, cancel; and what runs for them, durably."""
