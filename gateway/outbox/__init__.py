"""What leaves: replies and templates, in order, under the rates of Meta, by the only sender."""
