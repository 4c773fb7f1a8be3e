"""MessageTemplates: `plan` decides on the actions for one, `cycle` observes it and takes them."""
