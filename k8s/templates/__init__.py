"""MessageTemplates: `plan` decides what to do for one, `cycle` observes it and does what was planned."""
