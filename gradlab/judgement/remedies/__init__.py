"""What would mend a run: settings as `-s` takes them, and the sentence that says them with a number in it."""
