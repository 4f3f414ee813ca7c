"""Six views and six depth renders of one object on the orthogonal rig: read, solved, trained on and measured.

Nothing is imported here: an upload asks how sides are named, and need not load the solver and the trainer for that.
"""
