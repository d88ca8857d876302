import com.hivemq.embedded.EmbeddedHiveMQ;
import java.nio.file.Files;
import java.nio.file.Path;

/** HiveMQ Community Edition: java HiveMQ.java STATE PORT. */
public class HiveMQ {
  public static void main(String[] arguments) throws Exception {
    Path state = Path.of(arguments[0]);
    Path configuration = Files.createDirectories(state.resolve("conf"));
    Files.writeString(
        configuration.resolve("config.xml"),
        """
        <hivemq>
          <listeners>
            <tcp-listener><port>%s</port><bind-address>127.0.0.1</bind-address></tcp-listener>
          </listeners>
          <anonymous-usage-statistics><enabled>false</enabled></anonymous-usage-statistics>
        </hivemq>
        """
            .formatted(arguments[1]));
    EmbeddedHiveMQ.builder()
        .withConfigurationFolder(configuration)
        .withDataFolder(state.resolve("data"))
        .withExtensionsFolder(Files.createDirectories(state.resolve("extensions")))
        .build()
        .start()
        .join();
    Thread.currentThread().join();
  }
}
