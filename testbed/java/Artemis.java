import java.nio.file.Path;
import org.apache.activemq.artemis.core.config.impl.ConfigurationImpl;
import org.apache.activemq.artemis.core.server.JournalType;
import org.apache.activemq.artemis.core.server.embedded.EmbeddedActiveMQ;

/** Apache ActiveMQ Artemis with MQTT alone: java Artemis.java STATE PORT. */
public class Artemis {
  public static void main(String[] arguments) throws Exception {
    Path data = Path.of(arguments[0], "data");
    ConfigurationImpl configuration = new ConfigurationImpl();
    configuration
        .setSecurityEnabled(false)
        .setJournalType(JournalType.NIO)
        .setJournalDirectory(data.resolve("journal").toString())
        .setBindingsDirectory(data.resolve("bindings").toString())
        .setPagingDirectory(data.resolve("paging").toString())
        .setLargeMessagesDirectory(data.resolve("large").toString())
        .setNodeManagerLockDirectory(data.resolve("journal").toString())
        .addAcceptorConfiguration("mqtt", "tcp://127.0.0.1:" + arguments[1] + "?protocols=MQTT");
    new EmbeddedActiveMQ().setConfiguration(configuration).start();
    Thread.currentThread().join();
  }
}
