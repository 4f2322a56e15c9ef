"""A team: threads that stay together for a chain of compiled calls.

A parallel loop of TBB's begins some 5 microseconds later on the second thread than on the first,
and later still where that thread went to sleep. A small layer of a network takes 20. So the threads
of a chain (`chain.py`) meet once, in one parallel region of the layer's, and stay: one of them, the
leader, is the thread that called. It runs the chain, and at each parallel loop of it the others
take pieces, as they do on TBB: who has none takes the next one. Meanwhile they wait by reading a
variable, and let other processes run when that took long. The cut of a loop is the layer's, so a
team changes who computes a piece, and when, and no result.

The next piece is one number, the TICKET: the loop's own number, and how many of its pieces nobody
has taken. Taking one is a compare-and-swap of it, which fails if the loop is another by now; so who
took a piece knows that the loop's description stays until the piece is done. The leader counts
pieces done, and goes on when it has all (Mellor-Crummey and Scott, "Algorithms for scalable
synchronization on shared-memory multiprocessors", 1991, on such barriers).
"""

from __future__ import annotations

SPINS = 2000
"""Looks at a variable, some tens of microseconds, before other processes may run first."""

CODE = f"""
    @ticket = global [8 x i64] zeroinitializer, align 64
    @done = global [8 x i64] zeroinitializer, align 64
    @open = global [8 x i64] zeroinitializer, align 64
    @loop.body = global ptr null, align 64
    @loop.arrays = global ptr null
    @loop.sizes = global ptr null
    @loop.steps = global ptr null
    @loop.data = global ptr null
    @loop.axes = global i64 0
    @loop.count = global i64 0
    @loop.pieces = global i64 0
    @chain.run = global ptr null, align 64
    @chain.links = global ptr null
    @chain.first = global i64 0
    @chain.count = global i64 0
    @chain.at = global i64 0
    @chain.leader = global i64 0
    @chain.begun = global i64 0
    @layers.loop = global ptr null

    declare i64 @pthread_self()
    declare i32 @sched_yield()
    declare void @llvm.x86.sse2.pause()

    ; One look at a variable has been in vain: the number of looks so far, which goes on.
    define i64 @wait(i64 %looks) {{
      call void @llvm.x86.sse2.pause()
      %next = add i64 %looks, 1
      %long = icmp sgt i64 %next, {SPINS}
      br i1 %long, label %yield, label %end
    yield:
      %ignored = call i32 @sched_yield()
      br label %end
    end:
      ret i64 %next
    }}

    ; Piece number i of the loop: what the layer's own threads do with a range of one element.
    define void @piece(i64 %i) {{
    entry:
      %body = load ptr, ptr @loop.body
      %arrays = load ptr, ptr @loop.arrays
      %sizes = load ptr, ptr @loop.sizes
      %steps = load ptr, ptr @loop.steps
      %data = load ptr, ptr @loop.data
      %axes = load i64, ptr @loop.axes
      %count = load i64, ptr @loop.count
      %lengths = add i64 %axes, 1
      %own_sizes = alloca i64, i64 %lengths
      %own_arrays = alloca ptr, i64 %count
      %bytes = mul i64 %lengths, 8
      call void @llvm.memcpy.p0.p0.i64(ptr %own_sizes, ptr %sizes, i64 %bytes, i1 false)
      store i64 1, ptr %own_sizes
      br label %test
    test:
      %j = phi i64 [ 0, %entry ], [ %next, %move ]
      %more = icmp slt i64 %j, %count
      br i1 %more, label %move, label %run
    move:
      %from = getelementptr ptr, ptr %arrays, i64 %j
      %array = load ptr, ptr %from
      %step_at = getelementptr i64, ptr %steps, i64 %j
      %step = load i64, ptr %step_at
      %offset = mul i64 %step, %i
      %moved = getelementptr i8, ptr %array, i64 %offset
      %to = getelementptr ptr, ptr %own_arrays, i64 %j
      store ptr %moved, ptr %to
      %next = add i64 %j, 1
      br label %test
    run:
      call void %body(ptr %own_arrays, ptr %own_sizes, ptr %steps, ptr %data)
      ret void
    }}
    declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

    ; Take a piece and do it: whether there was one.
    define i1 @take() {{
    entry:
      br label %look
    look:
      %old = load atomic i64, ptr @ticket acquire, align 8
      %left = and i64 %old, 4294967295
      %none = icmp eq i64 %left, 0
      br i1 %none, label %nothing, label %try
    try:
      %new = sub i64 %old, 1
      %pair = cmpxchg ptr @ticket, i64 %old, i64 %new acq_rel acquire
      %taken = extractvalue {{ i64, i1 }} %pair, 1
      br i1 %taken, label %do, label %look
    do:
      %pieces = load i64, ptr @loop.pieces
      %i = sub i64 %pieces, %left
      call void @piece(i64 %i)
      %before = atomicrmw add ptr @done, i64 1 release
      ret i1 true
    nothing:
      ret i1 false
    }}

    ; A parallel loop: the team's, if one is open and there are pieces to share; else the layer's.
    define void @loop(ptr %body, ptr %arrays, ptr %sizes, ptr %steps, ptr %data, i64 %axes,
                      i64 %count, i64 %threads) {{
    entry:
      %is_open = load atomic i64, ptr @open monotonic, align 8
      %shared = icmp ne i64 %is_open, 0
      br i1 %shared, label %team, label %layer
    layer:
      %target = load ptr, ptr @layers.loop
      musttail call void %target(ptr %body, ptr %arrays, ptr %sizes, ptr %steps, ptr %data,
                                 i64 %axes, i64 %count, i64 %threads)
      ret void
    team:
      %pieces = load i64, ptr %sizes
      %some = icmp sgt i64 %pieces, 0
      br i1 %some, label %describe, label %end
    describe:
      store ptr %body, ptr @loop.body
      store ptr %arrays, ptr @loop.arrays
      store ptr %sizes, ptr @loop.sizes
      store ptr %steps, ptr @loop.steps
      store ptr %data, ptr @loop.data
      store i64 %axes, ptr @loop.axes
      store i64 %count, ptr @loop.count
      store i64 %pieces, ptr @loop.pieces
      store atomic i64 0, ptr @done monotonic, align 8
      %last = load atomic i64, ptr @ticket monotonic, align 8
      %number = and i64 %last, -4294967296
      %following = add i64 %number, 4294967296
      %ticket = or i64 %following, %pieces
      store atomic i64 %ticket, ptr @ticket release, align 8
      br label %work
    work:
      %found = call i1 @take()
      br i1 %found, label %work, label %check
    check:
      %looks = phi i64 [ 0, %work ], [ %more, %again ]
      %finished = load atomic i64, ptr @done acquire, align 8
      %all = icmp eq i64 %finished, %pieces
      br i1 %all, label %end, label %again
    again:
      %more = call i64 @wait(i64 %looks)
      br label %check
    end:
      ret void
    }}

    ; One thread of the team; the arguments are those of a loop's body.
    define void @member(ptr %arrays, ptr %sizes, ptr %steps, ptr %data) {{
    entry:
      %self = call i64 @pthread_self()
      %leader = load i64, ptr @chain.leader
      %leads = icmp eq i64 %self, %leader
      br i1 %leads, label %lead, label %look
    lead:
      %begun = load i64, ptr @chain.begun
      %again = icmp ne i64 %begun, 0
      br i1 %again, label %end, label %run
    run:
      call void @chain()
      ret void
    look:
      %looks = phi i64 [ 0, %entry ], [ 0, %help ], [ %more, %idle ]
      %is_open = load atomic i64, ptr @open acquire, align 8
      %closed = icmp eq i64 %is_open, 0
      br i1 %closed, label %end, label %help
    help:
      %found = call i1 @take()
      br i1 %found, label %look, label %idle
    idle:
      %more = call i64 @wait(i64 %looks)
      br label %look
    end:
      ret void
    }}

    ; The leader's part.
    define void @chain() {{
      store i64 1, ptr @chain.begun
      %run = load ptr, ptr @chain.run
      %links = load ptr, ptr @chain.links
      %first = load i64, ptr @chain.first
      %count = load i64, ptr @chain.count
      %at = call i64 %run(ptr %links, i64 %first, i64 %count)
      store i64 %at, ptr @chain.at
      store atomic i64 0, ptr @open release, align 8
      ret void
    }}

    ; Run links from `first` on by `threads` threads: as `run` alone does.
    define i64 @team(ptr %run, ptr %links, i64 %first, i64 %count, i64 %threads) {{
    entry:
      %sizes = alloca i64
      %self = call i64 @pthread_self()
      store i64 %threads, ptr %sizes
      store ptr %run, ptr @chain.run
      store ptr %links, ptr @chain.links
      store i64 %first, ptr @chain.first
      store i64 %count, ptr @chain.count
      store i64 %self, ptr @chain.leader
      store i64 0, ptr @chain.begun
      store atomic i64 1, ptr @open release, align 8
      %layer = load ptr, ptr @layers.loop
      call void %layer(ptr @member, ptr null, ptr %sizes, ptr null, ptr null, i64 0, i64 0,
                       i64 %threads)
      %begun = load i64, ptr @chain.begun
      %ran = icmp ne i64 %begun, 0
      br i1 %ran, label %end, label %alone
    alone:
      call void @chain()
      br label %end
    end:
      %at = load i64, ptr @chain.at
      ret i64 %at
    }}"""
"""LLVM code of the team. `@loop` is what compiled code calls for a parallel loop; `@layers.loop`
has the address of the layer's own function; `@team` runs a chain."""
