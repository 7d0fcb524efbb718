"""Where databases come from: BLAST databases, FASTA files, NCBI's published databases, other storages of ours."""
