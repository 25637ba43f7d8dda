"""The demonstration month: invented people and firms, real acts, uploads and jobs."""
