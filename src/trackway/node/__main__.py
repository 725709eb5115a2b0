"""`python -m trackway.node ROLE`: one of the supervisor's child processes."""

from trackway.node.child import main

if __name__ == "__main__":
    main()
