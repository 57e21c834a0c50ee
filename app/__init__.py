"""The only Flask code: joins the rooms and runs the processes."""
