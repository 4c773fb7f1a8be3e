"""WhatsAppNumbers: `plan` decides on the actions for one, `cycle` observes it and takes them.

`profile` and `facts` are parts of the plan, `observing` reads from Meta.
"""
