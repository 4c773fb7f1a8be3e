"""`gateway doctor`: what is wrong, part by part, and what to do about it. It changes nothing but a file of its own."""
