"""Where batches train: one contract, and the executors that keep it.

inline      this process, one batch after the other
processes   worker processes on this machine, their threads divided among them
ray         a Ray cluster, on one machine or many
"""
