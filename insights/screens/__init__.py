"""The workplace of the clinicians, inside the admin: thin views over the verbs, HTML that works without JavaScript."""
