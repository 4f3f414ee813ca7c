"""Pictures of stored models, drawn when somebody looks: one long-lived child process and a bounded cache on disk."""
