-- Haskell's tls, as a peer: see README.md.

{-# LANGUAGE CPP, OverloadedStrings #-}

import Control.Concurrent (forkIO, threadDelay)
import Control.Exception
import Control.Monad
import qualified Data.ByteString as B
import qualified Data.ByteString.Char8 as C
import qualified Data.ByteString.Lazy as L
import Data.Default.Class (def)
import Data.IORef
import Data.Maybe
import qualified Data.X509 as X
import Data.X509.CertificateStore
import Data.X509.Validation
import Network.Socket hiding (Debug)
import qualified Network.Socket.ByteString as N
import Network.TLS
import Network.TLS.Extra.Cipher
import System.Environment
import System.Exit
import System.IO
import System.Posix.Process (exitImmediately)

type Settings = [(String, String)]

say :: String -> IO ()
say text = putStrLn (unwords (words text)) >> hFlush stdout

seconds, piece, chunk :: Int
seconds = 30
piece = 64
chunk = 16384

groupOf :: String -> IO Group
groupOf "X25519" = return X25519
groupOf "P-256" = return P256
groupOf "P-384" = return P384
groupOf name = say ("broken no such groups: " ++ name) >> exitWith (ExitFailure 2)

splitOn :: Char -> String -> [String]
splitOn mark text = case break (== mark) text of
  (word, []) -> [word | not (null word)]
  (word, _ : rest) -> word : splitOn mark rest

supported :: Settings -> IO Supported
supported settings = do
  groups <- mapM groupOf (maybe [] (splitOn ',') (lookup "groups" settings))
  let version = if lookup "version" settings == Just "1.2" then TLS12 else TLS13
  return def {supportedVersions = [version], supportedCiphers = ciphersuite_strong,
              supportedGroups = if null groups then [X25519, P256, P384] else groups}

anchors :: Settings -> IO CertificateStore
anchors settings = case lookup "ca" settings of
  Nothing -> return mempty
  Just path -> fromMaybe mempty <$> readCertificateStore path

own :: Settings -> IO [Credential]
own settings = case (,) <$> lookup "cert" settings <*> lookup "key" settings of
  Nothing -> return []
  Just (chain, key) -> credentialLoadX509 chain key >>= either fatal (return . pure)
  where fatal reason = say ("broken " ++ reason) >> exitWith (ExitFailure 2)

names :: Settings -> [B.ByteString]
names settings = maybe [] (map C.pack . splitOn ',') (lookup "alpn" settings)

-- Sessions of this process, the newest first.
type Table = IORef [(SessionID, SessionData)]

manager :: Table -> SessionManager
manager table = SessionManager
  { sessionResume = find,
    sessionResumeOnlyOnce = find,
    sessionEstablish = \name facts -> modifyIORef table ((name, facts) :),
    sessionInvalidate = \name -> modifyIORef table (filter ((/= name) . fst))
  }
  where find name = lookup name <$> readIORef table

shared :: Settings -> Table -> IO Shared
shared settings table = do
  store <- anchors settings
  credentials <- own settings
  return def {sharedCredentials = Credentials credentials, sharedSessionManager = manager table, sharedCAStore = store}

verdict :: [FailedReason] -> CertificateUsage
verdict [] = CertificateUsageAccept
verdict reasons
  | UnknownCA `elem` reasons = CertificateUsageReject CertificateRejectUnknownCA
  | otherwise = CertificateUsageReject (CertificateRejectOther (show reasons))

clientParams :: Settings -> Table -> IO ClientParams
clientParams settings table = do
  common <- shared settings table
  abilities <- supported settings
  kept <- listToMaybe <$> readIORef table
  let Credentials credentials = sharedCredentials common
      hooks = def {onSuggestALPN = return (if null (names settings) then Nothing else Just (names settings)),
                   onCertificateRequest = \_ -> return (listToMaybe credentials)}
  return (defaultParamsClient "localhost" "") {clientShared = common, clientSupported = abilities, clientHooks = hooks,
                                               clientWantSessionResume = kept}

serverParams :: Settings -> Table -> IO ServerParams
serverParams settings table = do
  common <- shared settings table
  abilities <- supported settings
  let store = sharedCAStore common
      ask = isJust (lookup "ask" settings)
      checks = defaultChecks {checkFQHN = False, checkLeafKeyPurpose = [X.KeyUsagePurpose_ClientAuth]}
      judge chain = verdict <$> validate X.HashSHA256 defaultHooks checks store (sharedValidationCache common) ("", "") chain
      -- An empty name: nothing in common (RFC 7301 section 3.2).
      choose offered = return (fromMaybe "" (listToMaybe (filter (`elem` names settings) offered)))
      hooks = def {onClientCertificate = judge, onUnverifiedClientCert = return False,
                   onALPNClientSuggest = if null (names settings) then Nothing else Just choose}
  return def {serverWantClientCert = ask, serverShared = common, serverSupported = abilities, serverHooks = hooks,
                           serverTicketLifetime = 3600}

pattern :: Int -> B.ByteString
pattern size = B.pack (take size (cycle [0 .. 250]))

data Wrong = Wrong String deriving (Show)

instance Exception Wrong

sendAll :: Context -> Int -> Int -> IO ()
sendAll context size most = go (pattern size)
  where go text = unless (B.null text) (sendData context (L.fromStrict (B.take most text)) >> go (B.drop most text))

-- What was received beyond what a step wanted.
receive :: Context -> IORef B.ByteString -> Int -> IO ()
receive context rest size = do
  have <- readIORef rest
  if B.length have >= size
    then do
      writeIORef rest (B.drop size have)
      when (B.take size have /= pattern size) (throwIO (Wrong "the bytes are not those that were sent"))
    else do
      more <- recvData context
      when (B.null more) (throwIO (Wrong "the peer has closed"))
      writeIORef rest (B.append have more)
      receive context rest size

end :: Context -> IORef B.ByteString -> IO ()
end context rest = do
  have <- readIORef rest
  more <- if B.null have then recvData context else return have
  if B.null more then say "end closed" else throwIO (Wrong "data came in place of the end")

step :: Context -> IORef B.ByteString -> String -> Int -> IO ()
step context rest word number = case word of
  "send" -> sendAll context number chunk
  "small" -> sendAll context number piece
  "recv" -> receive context rest number
  "storm" -> replicateM_ number (updateKey context TwoWay >> sendAll context piece piece >> receive context rest piece)
  "close" -> bye context
  "end" -> end context rest
  "cut" -> exitImmediately ExitSuccess
  _ -> throwIO (Wrong ("no step is called " ++ word))

-- Whether the session is an old one; TLS 1.2 does not say.
resumed :: Maybe Information -> String
resumed information = case information >>= infoTLS13HandshakeMode of
  Just mode -> " resumed=" ++ (if mode == PreSharedKey then "1" else "0")
  Nothing -> ""

converse :: Context -> Settings -> IO ()
converse context settings = do
  handshake context
  alpn <- getNegotiatedProtocol context
  information <- contextGetInformation context
  say ("connected alpn=" ++ maybe "" C.unpack alpn ++ resumed information)
  rest <- newIORef B.empty
  forM_ (splitOn ',' (fromMaybe "" (lookup "script" settings))) $ \text ->
    case splitOn ':' text of
      [word, number] -> step context rest word (read number)
      _ -> step context rest text 0
  say "done"

-- Waits for the peer's end: a reset would overtake what was sent last.
linger :: Socket -> IO ()
linger transport = ignore (shutdown transport ShutdownSend >> drain) >> close transport
  where
    drain = N.recv transport 4096 >>= \text -> unless (B.null text) drain
    ignore action = action `catch` \error -> let _ = error :: IOException in return ()

play :: Socket -> (Socket -> IO Context) -> Settings -> IO ()
play transport make settings = do
  setSocketOption transport NoDelay 1
  context <- make transport
  converse context settings `catch` \error -> say ("failed " ++ show (error :: SomeException))
  linger transport

loopback :: PortNumber -> SockAddr
loopback number = SockAddrInet number (tupleToHostAddress (127, 0, 0, 1))

main :: IO ()
main = getArgs >>= run

run :: [String] -> IO ()
run ["version"] = putStrLn VERSION_tls
run (role : arguments) = do
  _ <- forkIO (threadDelay (seconds * 1000000) >> say "broken it takes too long" >> exitImmediately (ExitFailure 2))
  let settings = [(name, drop 1 value) | (name, value) <- map (break (== '=')) arguments]
      count = maybe 1 read (lookup "connections" settings)
  table <- newIORef []
  _ <- supported settings
  if role == "server"
    then do
      listener <- socket AF_INET Stream defaultProtocol
      bind listener (loopback 0)
      listen listener 4
      number <- socketPort listener
      say ("listening " ++ show number)
      replicateM_ count $ do
        (transport, _) <- accept listener
        play transport (\made -> serverParams settings table >>= contextNew made) settings
    else replicateM_ count $ do
      transport <- socket AF_INET Stream defaultProtocol
      connect transport (loopback (read (fromMaybe "0" (lookup "port" settings))))
      play transport (\made -> clientParams settings table >>= contextNew made) settings
run [] = say "broken server or client?"
