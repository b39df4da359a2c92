"""Declare: strict YAML -> Study -> Plan of trials; overrides; identity; JSON Schema."""
