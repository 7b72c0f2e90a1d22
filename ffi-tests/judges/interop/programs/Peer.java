// Java's SSLSocket, of the JDK or of BouncyCastle, as a peer: see README.md. The first argument names the provider.

import java.io.*;
import java.net.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.*;
import javax.net.ssl.*;

public class Peer {
    static final int SECONDS = 30, PIECE = 64, CHUNK = 16384;
    static final char[] NO_PASSWORD = {'x'};
    static Map<String, String> settings = new HashMap<>(Map.of("connections", "1", "name", "localhost"));
    static SSLContext context;
    static boolean ofTheJdk;

    static void say(String text) {
        System.out.println(text.replaceAll("\\s+", " "));
    }

    static String why(Throwable error) {
        StringBuilder text = new StringBuilder();
        for (; error != null; error = error.getCause()) text.append(error).append("; ");
        return text.toString();
    }

    static Collection<? extends java.security.cert.Certificate> certificates(String path) throws Exception {
        try (InputStream file = new FileInputStream(path)) {
            return CertificateFactory.getInstance("X.509").generateCertificates(file);
        }
    }

    static KeyManager[] own() throws Exception {
        if (!settings.containsKey("cert")) return null;
        String text = Files.readString(Path.of(settings.get("key"))).replaceAll("-----[A-Z ]*-----|\\s", "");
        PrivateKey key = KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry("own", key, NO_PASSWORD, certificates(settings.get("cert")).toArray(new java.security.cert.Certificate[0]));
        KeyManagerFactory factory = ofTheJdk ? KeyManagerFactory.getInstance("NewSunX509") : KeyManagerFactory.getInstance("PKIX", "BCJSSE");
        factory.init(store, NO_PASSWORD);
        return new KeyManager[] {new Always((X509ExtendedKeyManager) factory.getKeyManagers()[0], store)};
    }

    // Shows the certificate also to a server that does not name its authority.
    static class Always extends X509ExtendedKeyManager {
        final X509ExtendedKeyManager inner;
        final KeyStore store;

        Always(X509ExtendedKeyManager inner, KeyStore store) {
            this.inner = inner;
            this.store = store;
        }

        public String chooseClientAlias(String[] types, Principal[] issuers, Socket socket) {
            return "own";
        }

        public String chooseServerAlias(String type, Principal[] issuers, Socket socket) {
            return type.startsWith("EC") ? "own" : null;
        }

        public String[] getClientAliases(String type, Principal[] issuers) {
            return new String[] {"own"};
        }

        public String[] getServerAliases(String type, Principal[] issuers) {
            return new String[] {"own"};
        }

        public X509Certificate[] getCertificateChain(String alias) {
            try {
                return Arrays.copyOf(store.getCertificateChain("own"), store.getCertificateChain("own").length, X509Certificate[].class);
            } catch (KeyStoreException error) {
                throw new IllegalStateException(error);
            }
        }

        public PrivateKey getPrivateKey(String alias) {
            try {
                return (PrivateKey) store.getKey("own", NO_PASSWORD);
            } catch (GeneralSecurityException error) {
                throw new IllegalStateException(error);
            }
        }
    }

    static TrustManager[] anchors() throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        if (settings.containsKey("ca")) store.setCertificateEntry("ca", certificates(settings.get("ca")).iterator().next());
        else return null;
        TrustManagerFactory factory = ofTheJdk ? TrustManagerFactory.getInstance("PKIX") : TrustManagerFactory.getInstance("PKIX", "BCJSSE");
        factory.init(store);
        return factory.getTrustManagers();
    }

    // Before any class of TLS is loaded.
    static void setGroups() {
        if (!settings.containsKey("groups")) return;
        Map<String, String> here = Map.of("X25519", "x25519", "P-256", "secp256r1", "P-384", "secp384r1");
        StringJoiner names = new StringJoiner(",");
        for (String name : settings.get("groups").split(",")) names.add(here.getOrDefault(name, name));
        System.setProperty("jdk.tls.namedGroups", names.toString());
    }

    static void makeContext() throws Exception {
        if (ofTheJdk) {
            context = SSLContext.getInstance("TLS");
        } else {
            Security.insertProviderAt((Provider) Class.forName("org.bouncycastle.jce.provider.BouncyCastleProvider").getConstructor().newInstance(), 1);
            Security.insertProviderAt((Provider) Class.forName("org.bouncycastle.jsse.provider.BouncyCastleJsseProvider").getConstructor().newInstance(), 2);
            context = SSLContext.getInstance("TLS", "BCJSSE");
        }
        context.init(own(), anchors(), null);
    }

    static SSLSocket wrap(Socket transport, boolean server) throws Exception {
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(transport, settings.get("name"), transport.getPort(), true);
        socket.setUseClientMode(!server);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setProtocols(new String[] {"TLSv" + settings.get("version")});
        if (settings.containsKey("alpn")) parameters.setApplicationProtocols(settings.get("alpn").split(","));
        if (server) parameters.setNeedClientAuth(settings.containsKey("ask"));
        else {
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            parameters.setServerNames(List.of(new SNIHostName(settings.get("name"))));
        }
        socket.setSSLParameters(parameters);
        return socket;
    }

    static byte[] pattern(int size) {
        byte[] data = new byte[size];
        for (int at = 0; at < size; at++) data[at] = (byte) (at % 251);
        return data;
    }

    static void send(SSLSocket socket, int size, int most) throws IOException {
        byte[] data = pattern(size);
        for (int at = 0; at < size; at += most) socket.getOutputStream().write(data, at, Math.min(most, size - at));
    }

    static void receive(SSLSocket socket, int size) throws IOException {
        byte[] data = socket.getInputStream().readNBytes(size);
        if (data.length < size) throw new IOException("the peer has closed");
        if (!Arrays.equals(data, pattern(size))) throw new IOException("the bytes are not those that were sent");
    }

    static void end(SSLSocket socket) throws IOException {
        try {
            if (socket.getInputStream().read() >= 0) throw new IOException("data came in place of the end");
            say("end closed");
        } catch (IOException error) {
            String text = why(error);
            if (!text.contains("Remote host terminated the connection") && !text.contains("No close_notify alert received")) throw error;
            say("end truncated");
        }
    }

    static void storm(SSLSocket socket, int rounds) throws IOException {
        for (int round = 0; round < rounds; round++) {
            // In TLS 1.3 the JDK takes this for the wish to change keys. BouncyCastle does it only when the peer asks.
            if (ofTheJdk) socket.startHandshake();
            send(socket, PIECE, PIECE);
            receive(socket, PIECE);
        }
    }

    static void step(SSLSocket socket, String word, int number) throws IOException {
        switch (word) {
            case "send" -> send(socket, number, CHUNK);
            case "small" -> send(socket, number, PIECE);
            case "recv" -> receive(socket, number);
            case "storm" -> storm(socket, number);
            case "close" -> {
                if (ofTheJdk) socket.shutdownOutput();
                else socket.close(); // it has no half of a close
            }
            case "end" -> end(socket);
            case "cut" -> Runtime.getRuntime().halt(0);
            default -> throw new IOException("no step is called " + word);
        }
    }

    static void converse(SSLSocket socket) {
        try {
            socket.startHandshake();
            String alpn = socket.getApplicationProtocol();
            say("connected alpn=" + (alpn == null ? "" : alpn));
            for (String text : settings.get("script").split(",")) {
                String[] parts = text.split(":");
                step(socket, parts[0], parts.length > 1 ? Integer.parseInt(parts[1]) : 0);
            }
            say("done");
        } catch (ExceptionInInitializerError | NoClassDefFoundError error) {
            say("broken " + why(error)); // there are no such groups
            System.exit(2);
        } catch (IOException error) {
            say("failed " + why(error));
        }
    }

    // Waits for the peer's end: a reset would overtake what was sent last.
    static void linger(Socket transport) {
        try (transport) {
            transport.shutdownOutput();
            transport.getInputStream().transferTo(OutputStream.nullOutputStream());
        } catch (IOException error) {
            return; // it has ended
        }
    }

    static String version() throws Exception {
        if (ofTheJdk) return System.getProperty("java.version");
        makeContext();
        return Security.getProvider("BC").getInfo().replaceAll(".* v", "") + " on Java " + System.getProperty("java.version");
    }

    public static void main(String[] arguments) throws Exception {
        ofTheJdk = arguments[0].equals("JSSE");
        String role = arguments[1];
        if (role.equals("version")) {
            say(version());
            return;
        }
        Thread watchdog = new Thread(() -> {
            try {
                Thread.sleep(SECONDS * 1000);
            } catch (InterruptedException error) {
                return;
            }
            say("broken it takes too long");
            Runtime.getRuntime().halt(2);
        });
        watchdog.setDaemon(true);
        watchdog.start();
        for (String argument : Arrays.copyOfRange(arguments, 2, arguments.length)) {
            String[] parts = argument.split("=", 2);
            settings.put(parts[0], parts[1]);
        }
        boolean server = role.equals("server");
        setGroups();
        // Else the JDK takes the end of the transport for the end of the conversation.
        System.setProperty("com.sun.net.ssl.requireCloseNotify", "true");
        ServerSocket listener = null;
        makeContext();
        if (server) {
            listener = new ServerSocket(0, 4, InetAddress.getLoopbackAddress());
            say("listening " + listener.getLocalPort());
        }
        for (int at = 0; at < Integer.parseInt(settings.get("connections")); at++) {
            Socket transport = server ? listener.accept() : new Socket(InetAddress.getLoopbackAddress(), Integer.parseInt(settings.get("port")));
            transport.setTcpNoDelay(true);
            converse(wrap(transport, server));
            linger(transport);
        }
    }
}
