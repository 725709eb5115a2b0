"""From raw calls to clean events: pure stages over drafts, and one worker that owns all I/O."""
