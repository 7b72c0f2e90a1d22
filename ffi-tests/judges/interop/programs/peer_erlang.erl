%% Erlang's ssl, as a peer: see README.md. escript reads it.

-module(peer_erlang).
-export([main/1]).

-define(SECONDS, 30).
-define(PIECE, 64).
-define(CHUNK, 16384).

main(["version"]) ->
    application:load(ssl),
    {ok, Version} = application:get_key(ssl, vsn),
    io:format("~s of OTP ~s~n", [Version, erlang:system_info(otp_release)]);
main([Role | Words]) ->
    timer:apply_after(?SECONDS * 1000, erlang, halt, [2]),
    logger:set_primary_config(level, none),
    {ok, _} = application:ensure_all_started(ssl),
    Settings = maps:from_list([begin [Name, Value] = string:split(Word, "="), {list_to_atom(Name), Value} end || Word <- Words]),
    Count = list_to_integer(maps:get(connections, Settings, "1")),
    case Role of
        "server" -> serve(Settings, Count);
        "client" -> connect(Settings, Count)
    end.

say(Format, Arguments) ->
    Text = unicode:characters_to_list(io_lib:format(Format, Arguments)),
    io:put_chars(re:replace(Text, "\\s+", " ", [global, unicode, {return, list}]) ++ "\n").

version("1.2") -> 'tlsv1.2';
version("1.3") -> 'tlsv1.3'.

group("X25519") -> x25519;
group("P-256") -> secp256r1;
group("P-384") -> secp384r1;
group(Name) -> say("broken no such groups: ~s", [Name]), halt(2).

options(Settings) ->
    [{versions, [version(maps:get(version, Settings))]}, {mode, binary}, {packet, raw}, {nodelay, true}]
    ++ [{cacertfile, Path} || {ok, Path} <- [maps:find(ca, Settings)]]
    ++ [{certs_keys, [#{certfile => maps:get(cert, Settings), keyfile => maps:get(key, Settings)}]} || maps:is_key(cert, Settings)]
    ++ [{supported_groups, [group(Name) || Name <- string:tokens(Names, ",")]} || {ok, Names} <- [maps:find(groups, Settings)]].

names(Settings) ->
    [list_to_binary(Name) || Name <- string:tokens(maps:get(alpn, Settings, ""), ",")].

serve(Settings, Count) ->
    Ask = case maps:is_key(ask, Settings) of
        true -> [{verify, verify_peer}, {fail_if_no_peer_cert, true}];
        false -> [{verify, verify_none}]
    end,
    Tickets = [{session_tickets, stateless} || maps:get(version, Settings) == "1.3"],
    Alpn = [{alpn_preferred_protocols, names(Settings)} || maps:is_key(alpn, Settings)],
    {ok, Listener} = ssl:listen(0, [{ip, {127, 0, 0, 1}}, {reuseaddr, true} | options(Settings) ++ Ask ++ Tickets ++ Alpn]),
    {ok, {_, Port}} = ssl:sockname(Listener),
    say("listening ~b", [Port]),
    [begin
        {ok, Transport} = ssl:transport_accept(Listener),
        case ssl:handshake(Transport, ?SECONDS * 1000) of
            {ok, Socket} -> play(Socket, Settings);
            {error, Reason} -> say("failed ~p", [Reason])
        end
    end || _ <- lists:seq(1, Count)],
    halt(0).

connect(_, 0) -> halt(0);
connect(Settings, Count) ->
    Tickets = case maps:get(version, Settings) of
        "1.2" -> [{reuse_sessions, save}];
        "1.3" -> [{session_tickets, auto}]
    end,
    Alpn = [{alpn_advertised_protocols, names(Settings)} || maps:is_key(alpn, Settings)],
    Verify = [{verify, verify_peer}, {server_name_indication, "localhost"},
              {customize_hostname_check, [{match_fun, public_key:pkix_verify_hostname_match_fun(https)}]}],
    case ssl:connect({127, 0, 0, 1}, list_to_integer(maps:get(port, Settings)), options(Settings) ++ Tickets ++ Alpn ++ Verify) of
        {ok, Socket} -> play(Socket, Settings);
        {error, Reason} -> say("failed ~p", [Reason])
    end,
    connect(Settings, Count - 1).

play(Socket, Settings) ->
    Alpn = case ssl:negotiated_protocol(Socket) of {ok, Name} -> Name; _ -> <<>> end,
    %% Of TLS 1.2 it does not say.
    Resumed = case {maps:get(version, Settings), ssl:connection_information(Socket, [session_resumption])} of
        {"1.2", _} -> "";
        {_, {ok, [{session_resumption, true}]}} -> "resumed=1";
        _ -> "resumed=0"
    end,
    say("connected alpn=~s ~s", [Alpn, Resumed]),
    put(rest, <<>>),
    put(closed, false),
    steps(Socket, string:tokens(maps:get(script, Settings), ",")),
    %% Waits for the peer's end: a reset would overtake what was sent last.
    next(Socket),
    ssl:close(Socket).

steps(_, []) -> say("done", []);
steps(Socket, [Text | Rest]) ->
    {Word, Number} = case string:split(Text, ":") of [W, N] -> {W, list_to_integer(N)}; [W] -> {W, 0} end,
    case step(Socket, Word, Number) of
        ok -> steps(Socket, Rest);
        {error, Reason} -> say("failed ~p", [Reason])
    end.

pattern(Size) -> << <<(At rem 251)>> || At <- lists:seq(0, Size - 1) >>.

send(_, <<>>, _) -> ok;
send(Socket, Data, Most) ->
    {Now, Later} = split_binary(Data, min(Most, byte_size(Data))),
    case ssl:send(Socket, Now) of
        ok -> send(Socket, Later, Most);
        {error, closed} -> next(Socket);
        Error -> Error
    end.

%% What comes next of a connection: data goes to the rest.
next(Socket) ->
    receive
        {ssl, Socket, Data} -> put(rest, <<(get(rest))/binary, Data/binary>>), ok;
        {ssl_closed, Socket} -> put(closed, true), {error, closed};
        {ssl_error, Socket, Reason} -> {error, Reason}
    after case get(closed) of true -> 0; _ -> ?SECONDS * 500 end -> {error, closed}
    end.

recv(Socket, Wanted, Size) ->
    case get(rest) of
        <<Wanted:Size/binary, Rest/binary>> -> put(rest, Rest), ok;
        <<_:Size/binary, _/binary>> -> {error, "the bytes are not those that were sent"};
        _ -> case next(Socket) of ok -> recv(Socket, Wanted, Size); Error -> Error end
    end.

step(Socket, "send", Size) -> send(Socket, pattern(Size), ?CHUNK);
step(Socket, "small", Size) -> send(Socket, pattern(Size), ?PIECE);
step(Socket, "recv", Size) -> recv(Socket, pattern(Size), Size);
step(_, "storm", 0) -> ok;
step(Socket, "storm", Rounds) ->
    Results = [fun() -> ssl:update_keys(Socket, read_write) end, fun() -> step(Socket, "send", ?PIECE) end,
               fun() -> step(Socket, "recv", ?PIECE) end],
    case lists:foldl(fun(Step, ok) -> Step(); (_, Error) -> Error end, ok, Results) of
        ok -> step(Socket, "storm", Rounds - 1);
        Error -> Error
    end;
step(Socket, "close", _) ->
    %% ssl:shutdown(Socket, write) ends the transport without close_notify.
    case ssl:close(Socket) of
        {error, closed} -> ok; %% it has answered the peer's close_notify by itself
        Result -> put(closed, true), Result
    end;
step(Socket, "end", _) ->
    case {get(rest), next(Socket)} of
        {<<>>, {error, closed}} -> say("end closed", []);
        {_, ok} -> {error, "data came in place of the end"};
        {_, Error} -> Error
    end;
step(_, "cut", _) -> erlang:halt(0, [{flush, false}]).
