"""``sfauth demo``: hundreds of tasks crawl simulated orgs while everything happens to their tokens that can happen.

The simulator is a process of its own, reached over TCP, and the summary comes from its counts. To see how a program
uses sfauth, read `crawl`; the rest is stage machinery.
"""
