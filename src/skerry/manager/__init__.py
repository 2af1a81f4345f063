"""The control plane: inventory, pools, access, tasks, placement, store."""
