%% gen_server:call between two local nodes, 200 bytes each way: one node serves, the other measures.
-module(calls).
-behaviour(gen_server).
-export([serve/1, measure/1, init/1, handle_call/3, handle_cast/2]).

serve([Ready]) ->
    {ok, _} = gen_server:start({local, ?MODULE}, ?MODULE, [], []),
    ok = file:write_file(atom_to_list(Ready), <<>>).

init([]) -> {ok, binary:copy(<<"x">>, 200)}.
handle_call(_Request, _From, Answer) -> {reply, Answer, Answer}.
handle_cast(_Request, Answer) -> {noreply, Answer}.

%% Prints microseconds: p50 and p99 with one call at a time; then calls a second with 64 in flight.
measure([Node, One, Many]) ->
    Server = {?MODULE, Node},
    Request = binary:copy(<<"x">>, 200),
    _ = times(Server, Request, number(One) div 10, []),
    Times = lists:sort(times(Server, Request, number(One), [])),
    Rank = fun(Part) -> lists:nth(max(1, ceil(Part * length(Times))), Times) / 1000 end,
    Each = number(Many) div 64,
    Start = erlang:monotonic_time(nanosecond),
    Callers = [spawn_monitor(fun() -> times(Server, Request, Each, []) end)
               || _ <- lists:seq(1, 64)],
    [receive {'DOWN', Reference, process, _, normal} -> ok end || {_, Reference} <- Callers],
    Seconds = (erlang:monotonic_time(nanosecond) - Start) / 1.0e9,
    io:format("~.1f ~.1f ~.1f~n", [Rank(0.5), Rank(0.99), 64 * Each / Seconds]),
    halt(0).

number(Atom) -> list_to_integer(atom_to_list(Atom)).

times(_, _, 0, Times) -> Times;
times(Server, Request, Left, Times) ->
    Start = erlang:monotonic_time(nanosecond),
    _ = gen_server:call(Server, Request),
    End = erlang:monotonic_time(nanosecond),
    times(Server, Request, Left - 1, [End - Start | Times]).
