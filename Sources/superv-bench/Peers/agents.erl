%% One OTP supervisor over servers that each own a program of the operating system through a port.
%% The default intensity of 1 restart in 5 s is raised; all else is as OTP has it.
-module(agents).
-export([start/1, log/1, status/0, stop/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

%% From the command line: a number, then the program and its arguments.
start([Count | Command]) -> start(list_to_integer(Count), Command, none).

%% One program whose output goes to a file.
log([Path, Mode | Command]) -> start(1, Command, {Path, Mode}).

start(Count, Command, Log) ->
    {ok, Supervisor} =
        supervisor:start_link({local, ?MODULE}, ?MODULE, {tree, Count, Command, Log}),
    %% Whoever runs this function ends now.
    unlink(Supervisor).

%% What an operator would ask for: every agent and the process it is.
status() ->
    [{Id, Pid} || {Id, Pid, _, _} <- supervisor:which_children(?MODULE)].

%% A port that is closed leaves its program running, so they are ended by their pids.
stop() ->
    Pids = [integer_to_list(Pid)
            || Port <- erlang:ports(), {os_pid, Pid} <- [erlang:port_info(Port, os_pid)],
               is_integer(Pid)],
    ok = gen_server:stop(?MODULE, shutdown, infinity),
    _ = os:cmd("kill " ++ lists:join($\s, Pids)),
    halt(0).

init({tree, Count, Command, Log}) ->
    Server = {gen_server, start_link, [?MODULE, {agent, Command, Log}, []]},
    {ok, {#{strategy => one_for_one, intensity => 1000000, period => 60},
          [#{id => Id, start => Server} || Id <- lists:seq(1, Count)]}};
init({agent, [Program | Arguments], Log}) ->
    Port = open_port({spawn_executable, Program}, [{args, Arguments}, exit_status, binary]),
    {ok, {Port, open(Log)}}.

open(none) -> none;
open({Path, "plain"}) -> open(Path, []);
open({Path, "delayed"}) -> open(Path, [{delayed_write, 1 bsl 20, 100}]).

open(Path, Modes) ->
    {ok, File} = file:open(Path, [raw, append, binary | Modes]),
    File.

handle_info({Port, {data, Data}}, {Port, File} = State) ->
    ok = file:write(File, Data),
    {noreply, State};
handle_info({Port, {exit_status, Status}}, {Port, _} = State) ->
    {stop, {exit_status, Status}, State}.

handle_call(_Request, _From, State) -> {noreply, State}.
handle_cast(_Request, State) -> {noreply, State}.
